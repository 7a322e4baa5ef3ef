# ruff: noqa: RUF001 -- Chinese text has full-width marks
"""Simulated reviews in two languages, put together from a small grammar."""

import numpy as np

from functions.sentiment.handler import handler
from maas.artifact import digest_of
from maas.manifest import DataSource
from models.sentiment.reviews import LABELS, groups_of
from models.table import Table, checked_columns

_NOISE = 0.04  # share of the texts whose label says the opposite, as people's labels do
_MIXED = 0.35  # chance that a text also has a clause of the other kind, behind a "but"
_SUBJECTS = {
    "en": ("the tram", "our driver", "the waiting hall", "the ticket app", "the new bridge", "the library",
           "the night bus", "the market", "the help desk", "the playground", "the bike lane", "the clinic"),
    "zh": ("电车", "司机", "候车厅", "购票软件", "新桥", "图书馆", "夜班车", "菜市场", "服务台", "游乐场",
           "自行车道", "诊所"),
}  # fmt: skip
_SAYINGS = {
    ("en", "positive"): ("was spotless", "is a joy to use", "arrived right on time", "was quiet and bright",
                         "works better than ever", "made our day", "is well looked after", "felt safe",
                         "could not have been kinder", "is worth every coin", "was never late"),
    ("en", "negative"): ("was filthy", "is a pain to use", "came half an hour late", "was loud and gloomy",
                         "keeps breaking down", "ruined our day", "is badly neglected", "felt unsafe",
                         "was not helpful at all", "is a waste of money", "was never on time"),
    ("zh", "positive"): ("一尘不染", "用起来很顺手", "来得很准时", "又安静又明亮", "比以前好用多了",
                         "让人心情舒畅", "维护得很用心", "让人觉得安全", "态度特别亲切",
                         "花这个钱很值", "从来不误点"),
    ("zh", "negative"): ("脏得不像话", "用起来很费劲", "晚了半个小时", "又吵又暗", "老是出故障",
                         "让人一肚子火", "没有人打理", "让人觉得不安全", "态度特别冷淡",
                         "白白浪费钱", "从来不准点"),
}  # fmt: skip
_OPENINGS = {
    "en": ("", "honestly , ", "on saturday ", "as a commuter i must say ", "with two children along , "),
    "zh": ("", "说实话，", "星期六", "作为上班族，", "带着两个孩子，"),
}
_AND = {"en": ", and ", "zh": "，"}
_BUT = {"en": " , but ", "zh": "，不过"}
_END = {"en": " .", "zh": "。"}


def simulate(seed: int, *, rows: int = 1200) -> Table:
    """Simulated texts with their labels, the same for the same seed; nobody wrote them."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for row in range(rows):
        language = ("en", "zh")[row % 2]
        label = LABELS[int(generator.integers(2))]
        texts.append(_text(language, label, generator))
        labels.append(label if generator.random() >= _NOISE else LABELS[1 - LABELS.index(label)])
    name = f"simulated reviews, seed {seed}"
    columns = checked_columns(handler.contract, {"text": texts}, name=name, lines=range(rows))
    data = DataSource(
        name=name,
        source="simulated: models/sentiment/simulation.py",
        digest=digest_of(repr((texts, labels)).encode()),
        rows=rows,
        simulated=True,
    )
    return Table(columns=columns, target=np.array(labels, object), data=data, groups=groups_of(texts))


def _text(language: str, label: str, generator: np.random.Generator) -> str:
    def one(choices: tuple[str, ...]) -> str:
        return choices[int(generator.integers(len(choices)))]

    def clause(kind: str) -> str:
        gap = " " if language == "en" else ""
        return f"{one(_SUBJECTS[language])}{gap}{one(_SAYINGS[language, kind])}"

    body = _AND[language].join(clause(label) for _ in range(int(generator.integers(1, 4))))
    if generator.random() < _MIXED:
        other = LABELS[1 - LABELS.index(label)]
        body = f"{clause(other)}{_BUT[language]}{body}"
    return f"{one(_OPENINGS[language])}{body}{_END[language]}"
