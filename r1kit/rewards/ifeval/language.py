"""Is a response in a language? By its script, and among languages of one script by their commonest words.

More than half of the letters must be of the language's script, so that a name, a placeholder or a repeated English
request does not count against a Hindi response. Where several languages share the script, the language's function
words and letters of its own must occur at least as often as those of any other. A text without any is taken for
English where its letters are Latin ("GOODBYE MARS"), for Chinese where they are Chinese, and for no other language of
a shared script. No model, nothing to download, and the same verdict every time; two or three words may be too few.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from r1kit.errors import suggest


@dataclass(frozen=True, slots=True)
class _Language:
    scripts: tuple[str, ...]
    """First words of the Unicode names of its letters."""
    words: frozenset[str] = frozenset()
    """Function words, casefolded; empty if it has its script to itself."""
    letters: str = ""
    """Letters that it has and other languages of its script lack."""


def _of(script: str, words: str, letters: str = "") -> _Language:
    return _Language((script,), frozenset(words.split()), letters)


_LANGUAGES: dict[str, _Language] = {
    "en": _of(
        "LATIN",
        "the of and to a in is it you that was for on are with as i they be at have this from or by not but "
        "what all were we when your can there an which she do how their if will about out then them these "
        "so some would like into has my me who our more he his her its been just than also",
    ),
    "de": _of(
        "LATIN",
        "der die und das ist nicht ein eine ich zu den mit sich des auf für von dem im als auch es an "
        "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen zum war haben "
        "nur oder aber vor zur bis mehr durch man sein wir kann ja nein sehr du mein ihr uns diese dieser",
        "ßüö",
    ),
    "fi": _of(
        "LATIN",
        "ja on ei että se hän oli ovat joka mutta myös kun niin tai olen voi kuin sen minä hänen tämä jos "
        "mitä vain sitä ole olla kanssa sinä jotka mukaan sekä tämän kaikki hyvin ovat olet meidän",
        "äö",
    ),
    "it": _of(
        "LATIN",
        "il di che è la per un una non sono con del della le gli si da lo ma come anche più nel alla questo "
        "questa dei mi ho ti delle sua suo io nella dal al e i in perché essere ha molto",
        "ìò",
    ),
    "pt": _of(
        "LATIN",
        "o de que não uma um é os em para com do da na no se por mais as dos como mas ao das seu sua ou eu "
        "você são está também foi pela pelo e a à isso ele ela muito quando nos meu minha ser",
        "ãõç",
    ),
    "es": _of(
        "LATIN",
        "el de que la los del las un una por con no para es en se su al lo como más pero sus le ya o este "
        "sí porque esta son está también muy ser todo mi cuando hay",
        "ñ",
    ),
    "fr": _of(
        "LATIN",
        "le la les de des et est un une que qui dans pour pas du en il sur au avec ce ne se plus je vous "
        "nous sont par mais ou cette aux été être elle à son sa tout c'est",
        "çœèê",
    ),
    "nl": _of(
        "LATIN",
        "de het een en van is dat niet te zijn op aan met voor die er maar om ook als dan bij uit nog naar "
        "wel heeft worden door kan hij geen ze wat ik je",
    ),
    "sv": _of(
        "LATIN",
        "och att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när",
        "åäö",
    ),
    "pl": _of(
        "LATIN",
        "nie na się do to że jest o jak po co ale za od by dla są tak przez czy już był jego oraz",
        "łśźżęąńć",
    ),
    "tr": _of(
        "LATIN",
        "bir ve bu için de da ile çok daha olarak olan gibi en ne kadar ben o sonra var değil",
        "ğış",
    ),
    "id": _of(
        "LATIN",
        "yang dan di ini itu dengan untuk dari dalam tidak akan pada juga ada ke saya adalah mereka atau "
        "bisa oleh kita",
    ),
    "sw": _of(
        "LATIN",
        "na ya wa kwa ni katika la za cha hii kuwa au pia yake hiyo vya watu lakini kama sana mimi wewe ili "
        "kila huu hizi ambayo yako wao hakuna wako huo moja si yangu",
    ),
    "vi": _of(
        "LATIN",
        "là và của có không được cho một những các người trong này với để tôi bạn đã khi như về từ ra sẽ trên rất cũng",
        "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    ),
    "ru": _of(
        "CYRILLIC",
        "и в не на что я с он как это по но они она мы из за у от его так же для или все вы то бы был было "
        "к их быть если также когда который может очень",
        "ыэё",
    ),
    "bg": _of(
        "CYRILLIC",
        "на и да се за от е в са не като че по това с ще си но до или след има който която бъде много още "
        "към при аз го тя той ми те беше няма моята",
        "ъ",
    ),
    "uk": _of(
        "CYRILLIC",
        "і та не на що в з у це до як є він для за але її ми ви від або також",
        "іїєґ",
    ),
    "ar": _of(
        "ARABIC",
        "في من على أن إلى هذا التي عن مع هو ما لا كان ذلك هي هذه أو الذي كل قد لم بعد و يمكن إن كما",
        "ةىأإ",
    ),
    "fa": _of(
        "ARABIC",
        "و در به از که این را با است آن برای یک می خود تا بر هم یا شود شما من هر کرد بود باید ها های",
        "ژ",
    ),
    "ur": _of(
        "ARABIC",
        "کے میں کی ہے اور سے کا کو اس نے پر یہ ہیں کہ بھی ایک نہیں کر تھا تو ہو جو وہ لیے آپ ان تھے",
        "ٹڈڑںے",
    ),
    "hi": _of(
        "DEVANAGARI",
        "है के में की से और का को हैं पर यह ने भी एक नहीं कि लिए तो हो कर जो इस था वह या आप मैं अपने रहा ही थे साथ हूं हूँ",
    ),
    "mr": _of(
        "DEVANAGARI",
        "आहे आणि या ते की आहेत मी हे ही हा तर नाही तो असे केले होते एक व साठी आपण तुम्ही त्या येथे पण असतात "
        "माझ्या आपल्या मध्ये च्या होता होती माझे त्यांच्या काही",
        "ळ",
    ),
    "ne": _of(
        "DEVANAGARI",
        "छ र को मा हो छन् पनि यो लागि गर्न ले भएको यस तथा हुन्छ गर्नुहोस् तर हामी तपाईं म वा त्यो छैन एक "
        "लाई गरेको थियो हुन बाट अनि मेरो उनी धेरै छु",
    ),
    "bn": _Language(("BENGALI",)),
    "el": _Language(("GREEK",)),
    "gu": _Language(("GUJARATI",)),
    "he": _Language(("HEBREW",)),
    "ja": _Language(("HIRAGANA", "KATAKANA", "CJK"), letters="のはをにがでと"),
    "kn": _Language(("KANNADA",)),
    "ko": _Language(("HANGUL",)),
    "ml": _Language(("MALAYALAM",)),
    "pa": _Language(("GURMUKHI",)),
    "ta": _Language(("TAMIL",)),
    "te": _Language(("TELUGU",)),
    "th": _Language(("THAI",)),
    "zh": _Language(("CJK",), letters="的是了不在有这我他们这为說说"),
}
"""ISO 639-1 code to how the language is known. All 22 of the published set and their commonest neighbours."""

_SPLIT = re.compile(r"[\s\d.,!?;:()\[\]{}\"“”‘’«»*_#<>/\\|—–+=&@%$~`…।॥،؟؛。，！？：、-]+")


def language_problem(text: str, language: str) -> str:
    """Why a text is not in a language, in a few words; empty if it is.

    Args:
        text: Any text.
        language: ISO 639-1 code; what follows a hyphen ("zh-cn") is not looked at.

    Raises:
        ValueError: a code that is not in the table.
    """
    code = language.partition("-")[0].casefold()
    if code not in _LANGUAGES:
        raise ValueError(f"unknown language {language!r}; {suggest(code, _LANGUAGES)}")
    target = _LANGUAGES[code]
    text = unicodedata.normalize("NFC", text).casefold()
    letters = Counter(sign for sign in text if sign.isalpha())
    by_script: Counter[str] = Counter()
    for letter, count in letters.items():
        by_script[unicodedata.name(letter, "").partition(" ")[0]] += count
    if not letters:
        return "has no letters"
    share = sum(by_script[script] for script in target.scripts) / letters.total()
    if share <= 0.5:
        return f"{share:.0%} of its letters are of the script of {code!r}, not more than half"
    rivals = {
        other: _evidence(text, letters, description)
        for other, description in _LANGUAGES.items()
        if set(description.scripts) & set(target.scripts)
    }
    if len(rivals) == 1:
        return ""
    best = max(rivals, key=lambda other: rivals[other])
    if rivals[code] < rivals[best]:
        return f"reads like {best!r}, not {code!r}"
    return "" if rivals[code] or code in ("en", "zh") else f"no word tells that it is {code!r}"


def _evidence(text: str, letters: Counter[str], language: _Language) -> int:
    """How many function words and own letters of a language a casefolded text has."""
    words = sum(word.strip("'") in language.words for word in _SPLIT.split(text)) if language.words else 0
    return words + sum(letters[letter] for letter in set(language.letters))
