#!/bin/sh
# Install bubblewrap, in whose boxes programs of a model run, where that may be done: by root or passwordless sudo, with
# apt. Where it may not, say so in one line and go on: r1kit then makes its boxes by system calls (sandbox "namespaces").
set -u

command -v bwrap >/dev/null 2>&1 && exit 0

give_up() {
    echo "bubblewrap is not installed and $1; code rewards then use the slower sandbox 'namespaces'." \
        "Install it with your package manager: bubblewrap"
    exit 0
}

[ "$(uname -s)" = Linux ] || give_up "this is $(uname -s)"
command -v apt-get >/dev/null 2>&1 || give_up "there is no apt-get here"

if [ "$(id -u)" = 0 ]; then
    sudo=
elif sudo -n true >/dev/null 2>&1; then
    sudo="sudo -n"
else
    give_up "only root may install it (sudo asks for a password)"
fi

install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends bubblewrap
}

echo "installing bubblewrap"
install >/dev/null 2>&1 || { $sudo apt-get update >/dev/null 2>&1 && install >/dev/null 2>&1; } ||
    give_up "apt-get could not install it"
