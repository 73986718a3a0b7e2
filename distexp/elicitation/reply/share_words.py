"""Words and signs that may stand around a share, in the languages that models answer in."""

import re

DECOR = re.compile(r"[*`\"“”„«»‹›「」『』【】]|(?<!\d)_|_(?!\d)|(?<!\w)'|'(?!\w)")
PERCENT_WORDS = (
    r"percent|per\ cent|percentage|pct|prozent|pour\ cent|por\ ciento|por\ cento|per\ cento"
    r"|procent|процент\w{0,3}|درصد|प्रतिशत|パーセント|퍼센트"
)
APPROXIMATELY = (
    r"about|around|approximately|approx\.?|roughly|circa|ca\.?|etwa|ungefähr|rund|environ"
    r"|aproximadamente|alrededor\ de|cerca\ de|大约|大約|约|約|около|примерно|حوالي|تقريبا|حدود"
)
TOTALS = re.compile(
    r"total[es]?|sum|summe|gesamt|insgesamt|somme|suma|soma|итого|всего|合计|总计|合計|المجموع|مجموع",
    re.IGNORECASE,
)
BOUNDS = re.compile(
    r"(?:or|and|oder|ou|o|或)?\s*\b(?:more|less|fewer|plus|up|higher|lower|max\w*|min\w*|least|most|"
    r"under|over|above|below|mehr|weniger|höchstens|mindestens|bis|plus|moins|más|menos|più|meno)\b"
    r"|以上|以下|左右|超",
    re.IGNORECASE,
)
OF = re.compile(
    r"(?:of|der|des|de|del|della|dei|das|dos|du|van|av|od|из|des)\b|的|の", re.IGNORECASE
)
NAMING = re.compile(
    r"(?:options?|choices?|answers?|letters?|responses?|and|for|with|while|antwort\w*|wahl|auswahl"
    r"|und|für|réponse|choix|et|pour|respuesta|opción|y|para|risposta|opzione|e|per|resposta"
    r"|opção|ответ|вариант|и|antwoord|optie|en|答案|选项|選項|和|回答|選択肢|답|선택지)",
    re.IGNORECASE,
)
