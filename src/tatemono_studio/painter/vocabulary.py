"""The words the painter knows, English and Japanese, and what a prompt says in them."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from tatemono_studio.painter.colour import Colour, rgb

# Every name of a subject; figures and scenes are kept under the key.
SUBJECTS: dict[str, str] = {
    "fuji": "mount fuji|mt fuji|fuji|富士山|富士",
    "mountain": "mountain|alps|peak|volcano|山|山脈|火山",
    "hill": "hill|丘",
    "sea": "sea|ocean|coast|海|海岸|大海原",
    "wave": "wave|surf|波",
    "beach": "beach|shore|砂浜|浜辺|ビーチ",
    "island": "island|島",
    "river": "river|stream|川|小川|河",
    "lake": "lake|pond|湖|池",
    "waterfall": "waterfall|滝",
    "bridge": "bridge|橋",
    "forest": "forest|woods|jungle|森|林|森林",
    "tree": "tree|oak|木|樹|大樹",
    "pine": "pine|fir|christmas tree|松|杉|もみの木",
    "palm": "palm tree|palm|ヤシ|椰子",
    "bamboo": "bamboo|竹|竹林",
    "sakura": "cherry blossom|cherry tree|sakura|桜|さくら|花見",
    "maple": "maple|autumn leaves|紅葉|もみじ|楓",
    "flower": "flower|blossom|tulip|poppy|rose|bouquet|花|チューリップ|薔薇|バラ|花束",
    "sunflower": "sunflower|ひまわり|向日葵",
    "field": "field|meadow|grassland|prairie|garden|野原|草原|畑|庭|田んぼ",
    "lavender": "lavender|ラベンダー",
    "desert": "desert|dune|sahara|砂漠|砂丘",
    "cactus": "cactus|cacti|サボテン",
    "city": "city|skyline|downtown|skyscraper|town|street|tokyo|new york|都市|街|町|ビル|東京|夜景",
    "house": "house|cottage|home|cabin|hut|家|小屋|民家",
    "castle": "castle|palace|fortress|城|お城|宮殿",
    "temple": "temple|pagoda|寺|お寺|五重塔|塔",
    "torii": "torii|shrine|鳥居|神社",
    "lighthouse": "lighthouse|灯台",
    "windmill": "windmill|風車",
    "cat": "cat|kitten|kitty|猫|ねこ|ネコ|子猫",
    "dog": "dog|puppy|shiba|corgi|犬|いぬ|イヌ|子犬|柴犬",
    "fox": "fox|狐|きつね|キツネ",
    "rabbit": "rabbit|bunny|hare|兎|うさぎ|ウサギ",
    "bear": "bear|熊|くま|クマ",
    "panda": "panda|パンダ",
    "bird": "bird|sparrow|robin|parrot|鳥|小鳥|インコ",
    "owl": "owl|フクロウ|ふくろう|梟",
    "crane": "crane|heron|鶴|つる|白鷺",
    "penguin": "penguin|ペンギン",
    "fish": "fish|goldfish|koi|carp|魚|金魚|鯉",
    "whale": "whale|クジラ|鯨|くじら",
    "butterfly": "butterfly|蝶|ちょうちょ|チョウ",
    "robot": "robot|android|mecha|ロボット",
    "person": "person|man|woman|girl|boy|child|human|people|traveler|traveller|人|少女|少年|女の子|男の子|旅人",
    "astronaut": "astronaut|cosmonaut|宇宙飛行士",
    "balloon": "hot air balloon|balloon|気球|風船",
    "boat": "boat|sailboat|yacht|ship|sail|船|ヨット|帆船|舟",
    "car": "car|automobile|taxi|van|車|自動車|タクシー",
    "train": "train|locomotive|railway|shinkansen|電車|列車|汽車|新幹線",
    "bicycle": "bicycle|bike|自転車",
    "airplane": "airplane|plane|aeroplane|jet|飛行機",
    "rocket": "rocket|spaceship|spacecraft|ロケット|宇宙船",
    "planet": "planet|saturn|mars|jupiter|惑星|土星|火星",
    "full_moon": "full moon|満月",
    "crescent": "crescent moon|crescent|三日月",
    "moon": "moon|月",
    "sun": "sun|太陽|日輪",
    "star": "shooting star|star|starry|流れ星|星|星空|銀河|天の川",
    "galaxy": "galaxy|nebula|space|universe|cosmos|milky way|星雲|宇宙",
    "aurora": "aurora|northern lights|オーロラ",
    "rainbow": "rainbow|虹",
    "cloud": "cloud|cloudy|雲",
    "cup": "cup|tea|coffee|mug|latte|茶|お茶|紅茶|コーヒー|カップ|湯呑み",
    "book": "book|novel|diary|本|書物|日記",
    "apple": "apple|fruit|りんご|リンゴ|林檎|果物",
    "cake": "cake|dessert|ケーキ",
    "candle": "candle|ろうそく|キャンドル",
    "lantern": "lantern|lamp|提灯|ランタン|灯り",
    "umbrella": "umbrella|parasol|傘|和傘",
    "mushroom": "mushroom|toadstool|きのこ|キノコ|茸",
    "heart": "heart|love|ハート|愛",
    "firework": "firework|花火",
}
TIMES = {
    "dawn": "dawn|sunrise|daybreak|夜明け|日の出|朝焼け|暁",
    "morning": "morning|朝",
    "day": "day|noon|daylight|sunny|midday|blue sky|昼|晴れ|青空|真昼",
    "golden": "golden hour|afternoon|autumn|fall|午後|秋",
    "sunset": "sunset|夕焼け|夕日|夕陽|夕暮れ",
    "dusk": "dusk|twilight|evening|blue hour|たそがれ|黄昏|夕方|夕闇",
    "night": "night|midnight|moonlit|moonlight|nocturnal|夜|夜中|真夜中|月夜|夜空|夜景",
}
WEATHERS = {
    "rain": "rain|rainy|drizzle|雨|梅雨",
    "snow": "snow|snowy|snowfall|blizzard|winter|雪|吹雪|冬|雪景色",
    "fog": "fog|foggy|mist|misty|haze|霧|靄|もや|霞",
    "storm": "storm|thunder|lightning|嵐|雷|稲妻",
    "wind": "wind|windy|breeze|強風|そよ風",
}
STYLES = {
    "watercolor": "watercolor|watercolour|aquarelle|水彩|水彩画",
    "pixel": "pixel art|pixel|8-bit|8bit|16-bit|ドット絵|ピクセル",
    "ink": "line drawing|line art|sketch|pencil|ink|sumi-e|sumie|線画|水墨画|墨絵|鉛筆|スケッチ",
    "ukiyoe": "ukiyo-e|ukiyoe|woodblock|hokusai|浮世絵|木版画",
    "neon": "neon|cyberpunk|synthwave|vaporwave|ネオン|サイバーパンク",
    "flat": "flat|minimal|minimalist|vector|poster|フラット|ミニマル|シンプル",
    "oil": "oil painting|oil|impressionist|impressionism|monet|van gogh|油絵|油彩|印象派",
}
COLOURS: dict[str, tuple[str, str]] = {
    "red": ("d8403f", "red|crimson|scarlet|赤|赤い|紅|真っ赤"),
    "orange": ("ee8434", "orange|オレンジ|橙"),
    "yellow": ("f2c53d", "yellow|黄色|黄色い|黄"),
    "gold": ("d9a531", "gold|golden|金色|黄金"),
    "green": ("4f9d5b", "green|emerald|緑|緑色|グリーン"),
    "teal": ("2c9c97", "teal|turquoise|cyan|青緑|ターコイズ|水色"),
    "blue": ("3a72c4", "blue|azure|青|青い|蒼|ブルー"),
    "indigo": ("3c3f8f", "indigo|navy|藍|藍色|紺"),
    "purple": ("8656b0", "purple|violet|紫|紫色|パープル"),
    "pink": ("ee8fae", "pink|ピンク|桃色"),
    "brown": ("8d603f", "brown|茶色"),
    "white": ("f6f4ee", "white|白|白い"),
    "black": ("24242c", "black|黒|黒い"),
    "grey": ("9a9ca3", "grey|gray|silver|灰色|銀色|グレー"),
}


@dataclass(frozen=True)
class Theme:
    """What a prompt says. `subjects` come in the order of the prompt; `own` are colours said of one subject."""

    subjects: tuple[str, ...]
    own: dict[str, Colour]
    colours: tuple[Colour, ...]
    time: str | None
    weathers: tuple[str, ...]
    style: str | None
    seed: int

    def has(self, *names: str) -> bool:
        return any(name in self.subjects for name in names)


@lru_cache(maxsize=1)
def _lexicon() -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    tables = {"subject": SUBJECTS, "time": TIMES, "weather": WEATHERS, "style": STYLES}
    tables["colour"] = {name: words for name, (_, words) in COLOURS.items()}
    meanings: dict[str, tuple[str, str]] = {}
    for kind, table in tables.items():
        for name, words in table.items():
            for word in words.split("|"):
                # The first meaning stands: 夜景 is a city first, and `time` finds it in a pass of its own.
                meanings.setdefault(word, (kind, name))
                if word.isascii() and word.endswith("y"):
                    meanings.setdefault(f"{word[:-1]}ies", (kind, name))
    ordered = sorted(meanings, key=len, reverse=True)
    latin = "|".join(re.escape(word) for word in ordered if word.isascii())
    wide = "|".join(re.escape(word) for word in ordered if not word.isascii())
    return re.compile(rf"(?<![a-z])({latin})(?:e?s)?(?![a-z])|({wide})"), meanings


def read(prompt: str, seed: int | None, index: int) -> Theme:
    """Find the known words, longest first, so that a starry sky is no sky with a star in it.

    Every word, known or not, moves the hash that decides the composition.
    """
    marked = re.search(r"\[seed:(\d{1,18})\]", prompt, re.IGNORECASE)
    text = re.sub(r"\[seed:\d{1,18}\]", " ", prompt, flags=re.IGNORECASE)
    # 日本 is a country, not a book of the sun.
    text = unicodedata.normalize("NFKC", text).casefold().replace("日本", "\u2003")
    pattern, meanings = _lexicon()
    found = [(*meanings[match[1] or match[2]], match.start(), match.end()) for match in pattern.finditer(text)]
    chosen = seed if seed is not None else int(marked[1]) if marked else 0
    digest = blake2b(f"{' '.join(text.split())}\0{chosen}\0{index}".encode(), digest_size=8).digest()
    own: dict[str, Colour] = {}
    loose: list[Colour] = []
    for kind, name, _, end in found:
        if kind != "colour":
            continue
        follower = next((entry for entry in found if entry[2] >= end and entry[0] != "colour"), None)
        between = text[end : follower[2]] if follower else ""
        colour = rgb(COLOURS[name][0])
        # "red boat", "red wooden boat", 赤い車: a colour just before a subject belongs to it.
        if follower and follower[0] == "subject" and len(between.split()) <= 1 and len(between) <= 12:
            own.setdefault(follower[1], colour)
        else:
            loose.append(colour)
    names = {
        kind: tuple(dict.fromkeys(n for k, n, _, _ in found if k == kind)) for kind in ("subject", "time", "weather")
    }
    style = next((name for kind, name, _, _ in found if kind == "style"), None)
    time = names["time"][0] if names["time"] else "night" if "夜景" in text else None
    return Theme(names["subject"], own, tuple(loose), time, names["weather"], style, int.from_bytes(digest, "big"))
