"""Sentences of a marketplace, made: ordinary ones, and adverts that call readers elsewhere.

Two sets of patterns that share no words but the names: one to calibrate by, one to measure by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unforge.train.text.material import Sentence

# How messengers are named to slip past filters, as seen in public filters of the last years.
NAMES = (
    "微信", "薇信", "威信", "徽信", "维信", "v信", "vx", "wx", "VX", "企微", "卫星", "微🌟", "微❤️", "V/X", "扣扣", "QQ",
    "飞机号", "telegram", "whatsapp", "ｖｘ", "V·X", "weixin", "溦信", "唯♥",
)  # fmt: skip
SHORT = ("加v", "＋v", "+V", "加薇", "➕微", "加wx", "+vx", "加q")
GOODS = (
    "手机",
    "外套",
    "相机",
    "自行车",
    "显卡",
    "键盘",
    "球鞋",
    "书桌",
    "婴儿车",
    "钢琴",
    "吉他",
    "帐篷",
    "耳机",
    "手表",
)
MODELS = ("iPhone13", "RTX3080", "a7m3", "Switch", "MacBook Pro", "PS5", "X100V", "iPad Air5", "GTX1660", "K70")


@dataclass(frozen=True, slots=True)
class Patterns:
    """Sentences with places to fill: {name}, {short}, {handle}, {number}, {goods}, {model}, {count}, {price}."""

    ordinary: Sequence[str]
    adverts: Sequence[str]


CALIBRATION = Patterns(
    ordinary=(
        "{goods}九成新，{price}元包邮", "{model}，电池健康度{count}，原装无拆修", "尺码{count}，身高{count}可穿",
        "订单号{number}，一直没发货", "支持当面验货，不退不换", "{goods}是{count}年买的，用了两次",
        "这款{goods}能看卫星电视吗", "坐飞机能带{goods}吗", "可以用微信支付吗", "{model}换{goods}，差价{price}",
        "搜同款{goods}原价{price}", "加{price}元送{model}", "联系客服说三天内处理", "快递单号{number}，请查收",
        "收到{goods}了，做工细致，非常满意", "电话客服态度很好", "威信全无的店家", "加湿器声音大",
        "关注店铺领{count}元券", "{goods}保修到{count}年{count}月", "有意的直接拍，不议价", "私人闲置{goods}，爱惜使用",
        "想要的点我想要，留言必回", "手机能装两个微信吗", "微信聊天记录怎么导出", "vx是什么意思", "QQ空间打不开",
    ),
    adverts=(
        "{goods}低价出，{name}：{handle}", "要的加我{name} {handle}", "{short}{handle}看实物", "有意{name}联系",
        "{name}{number}，备注{goods}", "加{name}便宜{price}", "详情私聊我{name}", "{short}，量大从优",
        "平台不方便，{name}同号{number}", "➕我{name} {number}", "联系{name}：{handle}，{goods}批发",
        "{goods}，vx{number}", "wechat{handle}",
    ),
)  # fmt: skip
MEASURED = Patterns(
    ordinary=(
        "出一台{model}，成色如图，{price}自提", "全新未拆{goods}，发票齐全", "退货单{number}退款迟迟不到账",
        "老师推荐的{goods}，孩子很喜欢", "卫星定位很准，{goods}值得买", "飞机杯架子，{count}个装",
        "微信读书送的{goods}", "电话打不通，差评", "{goods}长{count}厘米，宽{count}厘米", "搬家处理{goods}，楼下自取",
        "型号{model}，序列号{number}", "电脑版微信登不上", "扣扣音乐会员还有{count}天", "企微后台怎么导出",
        "加厚款{goods}，冬天用", "找了好久的{model}终于到手", "扫码支付失败两次", "立威信靠质量，{goods}好用",
        "添加了{count}克糖，太甜", "店主发货快，{goods}包装好", "想问{goods}和{model}兼容吗", "{price}块，运费到付",
        "私信没人回，客服{count}小时后才回", "土豆丝刨刀和{goods}一起买的", "企鹅图案的{goods}",
    ),
    adverts=(
        "便宜处理{goods} {name} {handle}", "咨询请{short} {handle}", "这里不常看，{name}找我",
        "同城可看，{name}{number}",
        "{goods}货源，{short}拿价", "{model}一手，{name}：{number}", "扫码不行就搜{name}{handle}", "进群{name}{handle}",
        "想了解的{name}发我", "代购{goods}，长期，{name}{handle}", "先{short}后发图",
    ),
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def sentences(patterns: Patterns, each: int, rng: np.random.Generator) -> list[Sentence]:
    """So many sentences of each pattern; what was filled into an advert is its words."""
    made = []
    for bad, chosen in ((False, patterns.ordinary), (True, patterns.adverts)):
        for pattern in chosen:
            made += [_filled(pattern, bad, rng) for _ in range(each)]
    return made


def _filled(pattern: str, bad: bool, rng: np.random.Generator) -> Sentence:
    fill = {
        "name": _one(NAMES, rng),
        "short": _one(SHORT, rng),
        "handle": "".join(_one(_LETTERS, rng) for _ in range(rng.integers(3, 8))) + str(rng.integers(10, 9999)),
        "number": str(rng.integers(10**7, 2 * 10**10)),
        "goods": _one(GOODS, rng),
        "model": _one(MODELS, rng),
        "count": str(rng.integers(2, 190)),
        "price": str(rng.integers(10, 9999)),
    }
    words = tuple(fill[key] for key in ("name", "short") if f"{{{key}}}" in pattern) if bad else ()
    return Sentence(pattern.format(**fill), bad, words)


def _one(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
