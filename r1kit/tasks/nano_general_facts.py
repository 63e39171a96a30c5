"""The facts of the scale model, how they are asked for and how they are told.

They are true. A row is `English subject | Chinese subject | English answer | Chinese answer`.
"""

from __future__ import annotations

from dataclasses import dataclass

from r1kit.tasks.nano.base import Language
from r1kit.tasks.nano_general_tables import table_rows


@dataclass(frozen=True, slots=True)
class Relation:
    """Facts of one kind and how they are asked for and told; `{s}` is the subject, `{a}` the answer, `{u}` the unit."""

    facts: tuple[tuple[str, ...], ...]
    """(English subject, Chinese subject, English answer, Chinese answer); a subject with a unit is `unit:subject`."""
    questions: dict[Language, tuple[str, ...]]
    sentences: dict[Language, tuple[str, ...]]


_CAPITALS = table_rows("""
    France | 法国 | Paris | 巴黎
    Japan | 日本 | Tokyo | 东京
    China | 中国 | Beijing | 北京
    Italy | 意大利 | Rome | 罗马
    Germany | 德国 | Berlin | 柏林
    Spain | 西班牙 | Madrid | 马德里
    Britain | 英国 | London | 伦敦
    Russia | 俄罗斯 | Moscow | 莫斯科
    Egypt | 埃及 | Cairo | 开罗
    Greece | 希腊 | Athens | 雅典
    South Korea | 韩国 | Seoul | 首尔
    Thailand | 泰国 | Bangkok | 曼谷
    Cuba | 古巴 | Havana | 哈瓦那
    Canada | 加拿大 | Ottawa | 渥太华
    Peru | 秘鲁 | Lima | 利马
    Kenya | 肯尼亚 | Nairobi | 内罗毕
    Poland | 波兰 | Warsaw | 华沙
    Austria | 奥地利 | Vienna | 维也纳
    Norway | 挪威 | Oslo | 奥斯陆
    Portugal | 葡萄牙 | Lisbon | 里斯本
""")
_COLOURS = table_rows("""
    the clear sky | 晴天的天空 | blue | 蓝色
    grass | 草 | green | 绿色
    snow | 雪 | white | 白色
    blood | 血 | red | 红色
    coal | 煤 | black | 黑色
    a ripe banana | 熟香蕉 | yellow | 黄色
    a lemon | 柠檬 | yellow | 黄色
    milk | 牛奶 | white | 白色
    a ripe tomato | 熟西红柿 | red | 红色
    the sea | 大海 | blue | 蓝色
    a crow | 乌鸦 | black | 黑色
    a ripe strawberry | 熟草莓 | red | 红色
    a cucumber | 黄瓜 | green | 绿色
    salt | 盐 | white | 白色
    spinach | 菠菜 | green | 绿色
    corn | 玉米 | yellow | 黄色
    a fire engine | 消防车 | red | 红色
    a tyre | 轮胎 | black | 黑色
""")
_OPPOSITES = table_rows("""
    big | 大 | small | 小
    hot | 热 | cold | 冷
    long | 长 | short | 短
    new | 新 | old | 旧
    fast | 快 | slow | 慢
    high | 高 | low | 低
    up | 上 | down | 下
    left | 左 | right | 右
    day | 白天 | night | 黑夜
    full | 满 | empty | 空
    wet | 湿 | dry | 干
    near | 近 | far | 远
    early | 早 | late | 晚
    heavy | 重 | light | 轻
    hard | 硬 | soft | 软
    rich | 富 | poor | 穷
""")
_DAYS = (
    *(("Monday", "星期一"), ("Tuesday", "星期二"), ("Wednesday", "星期三"), ("Thursday", "星期四")),
    *(("Friday", "星期五"), ("Saturday", "星期六"), ("Sunday", "星期日")),
)
_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_MONTHS = tuple((name, f"{number}月") for number, name in enumerate(_MONTH_NAMES, start=1))
_QUANTITIES = table_rows("""
    days:a week | 天:一周 | 7 | 7
    months:a year | 个月:一年 | 12 | 12
    seasons:a year | 个季节:一年 | 4 | 4
    hours:a day | 小时:一天 | 24 | 24
    minutes:an hour | 分钟:一小时 | 60 | 60
    seconds:a minute | 秒:一分钟 | 60 | 60
    sides:a triangle | 条边:三角形 | 3 | 3
    sides:a square | 条边:正方形 | 4 | 4
    legs:a cat | 条腿:猫 | 4 | 4
    legs:a horse | 条腿:马 | 4 | 4
    legs:a bird | 条腿:鸟 | 2 | 2
    legs:a spider | 条腿:蜘蛛 | 8 | 8
    legs:an ant | 条腿:蚂蚁 | 6 | 6
    wheels:a car | 个轮子:汽车 | 4 | 4
    wheels:a bicycle | 个轮子:自行车 | 2 | 2
    fingers:a hand | 根手指:一只手 | 5 | 5
""")
_KINDS = table_rows("""
    a dog | 狗 | animal | 动物
    a horse | 马 | animal | 动物
    a tiger | 老虎 | animal | 动物
    a monkey | 猴子 | animal | 动物
    an apple | 苹果 | fruit | 水果
    a banana | 香蕉 | fruit | 水果
    a pear | 梨 | fruit | 水果
    a carrot | 胡萝卜 | vegetable | 蔬菜
    a potato | 土豆 | vegetable | 蔬菜
    a cabbage | 白菜 | vegetable | 蔬菜
    a rose | 玫瑰 | flower | 花
    a tulip | 郁金香 | flower | 花
    a lily | 百合 | flower | 花
    a piano | 钢琴 | instrument | 乐器
    a violin | 小提琴 | instrument | 乐器
    a guitar | 吉他 | instrument | 乐器
    a car | 汽车 | vehicle | 交通工具
    a train | 火车 | vehicle | 交通工具
    a ship | 船 | vehicle | 交通工具
    a hammer | 锤子 | tool | 工具
    a saw | 锯子 | tool | 工具
    tennis | 网球 | sport | 运动
    football | 足球 | sport | 运动
    basketball | 篮球 | sport | 运动
""")


def _shifted(cycle: tuple[tuple[str, str], ...], step: int) -> tuple[tuple[str, ...], ...]:
    """Each element of a cycle with the one `step` places on."""
    return tuple((*cycle[i], *cycle[(i + step) % len(cycle)]) for i in range(len(cycle)))


RELATIONS: dict[str, Relation] = {
    "capital": Relation(
        _CAPITALS,
        {
            "en": ("What is the capital of {s}?", "Which city is the capital of {s}?", "Name the capital of {s}."),
            "zh": ("{s}的首都是哪里？", "{s}的首都是什么城市？", "请说出{s}的首都。"),
        },
        {
            "en": ("The capital of {s} is {a}.", "{a} is the capital of {s}."),
            "zh": ("{s}的首都是{a}。", "{a}是{s}的首都。"),
        },
    ),
    "colour": Relation(
        _COLOURS,
        {
            "en": ("What colour is {s}?", "Tell me the colour of {s}.", "What is the colour of {s}?"),
            "zh": ("{s}是什么颜色？", "告诉我{s}的颜色。", "{s}是哪种颜色？"),
        },
        {
            "en": ("{s} is {a}.", "The colour of {s} is {a}."),
            "zh": ("{s}是{a}。", "{s}的颜色是{a}。"),
        },
    ),
    "opposite": Relation(
        (*_OPPOSITES, *((c, d, a, b) for a, b, c, d in _OPPOSITES)),
        {
            "en": ("What is the opposite of {s}?", "Which word is the opposite of {s}?", "Give the opposite of {s}."),
            "zh": ("{s}的反义词是什么？", "哪个词是{s}的反义词？", "请说出{s}的反义词。"),
        },
        {
            "en": ("The opposite of {s} is {a}.", "{a} is the opposite of {s}."),
            "zh": ("{s}的反义词是{a}。", "{a}是{s}的反义词。"),
        },
    ),
    "day_after": Relation(
        _shifted(_DAYS, 1),
        {
            "en": ("Which day comes after {s}?", "What day follows {s}?"),
            "zh": ("{s}之后是星期几？", "{s}的后一天是星期几？"),
        },
        {"en": ("{a} comes after {s}.", "After {s} comes {a}."), "zh": ("{s}之后是{a}。", "{s}的后一天是{a}。")},
    ),
    "day_before": Relation(
        _shifted(_DAYS, -1),
        {
            "en": ("Which day comes before {s}?", "What day is just before {s}?"),
            "zh": ("{s}之前是星期几？", "{s}的前一天是星期几？"),
        },
        {"en": ("{a} comes before {s}.", "Before {s} comes {a}."), "zh": ("{s}之前是{a}。", "{s}的前一天是{a}。")},
    ),
    "month_after": Relation(
        _shifted(_MONTHS, 1),
        {
            "en": ("Which month comes after {s}?", "What month follows {s}?"),
            "zh": ("{s}之后是几月？", "{s}的后一个月是几月？"),
        },
        {"en": ("{a} comes after {s}.", "After {s} comes {a}."), "zh": ("{s}之后是{a}。", "{s}的后一个月是{a}。")},
    ),
    "quantity": Relation(
        _QUANTITIES,
        {
            "en": ("How many {u} does {s} have?", "Tell me how many {u} {s} has."),
            "zh": ("{s}有多少{u}？", "告诉我{s}有多少{u}。"),
        },
        {
            "en": ("{s} has {a} {u}.", "The number of {u} of {s} is {a}."),
            "zh": ("{s}有 {a} {u}。", "{s}共有 {a} {u}。"),
        },
    ),
    "kind": Relation(
        _KINDS,
        {
            "en": ("What kind of thing is {s}?", "To which kind of things does {s} belong?"),
            "zh": ("{s}属于哪一类？", "{s}是哪一类东西？"),
        },
        {"en": ("{s} is a kind of {a}.", "You can call {s} a kind of {a}."), "zh": ("{s}属于{a}。", "{s}是一种{a}。")},
    ),
}
