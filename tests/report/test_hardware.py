import json
import os
import sys

import psutil
import pytest
import torch

from r1kit.report.hardware import describe_hardware, hardware_line


def test_the_description_agrees_with_the_system_and_names_no_host():
    hardware = describe_hardware()
    assert hardware["torch"] == torch.__version__
    assert hardware["torch_threads"] == torch.get_num_threads()
    assert len(hardware["gpus"]) == torch.cuda.device_count()
    assert 0 < hardware["memory_gib"] <= psutil.virtual_memory().total / 2**30 + 0.05
    assert os.uname().nodename not in hardware_line(hardware).split()
    assert json.loads(json.dumps(hardware)) == hardware


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is set on Linux only")
def test_cores_are_those_that_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert describe_hardware()["cores"] == 1
    finally:
        os.sched_setaffinity(0, allowed)
