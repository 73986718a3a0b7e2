"""Words that take an answer back: refusals and negations."""

import re

_CANNOT = (
    # English
    r"(?:can(?:['’]?t|\ ?not)|could(?:n['’]?t|\ not)"
    r"|(?:am|are|is|be|['’]m)\ ?(?:not\ able|unable)\ to"
    r"|unable\ to|won['’]?t|will\ not|(?:do|does)(?:n['’]?t|\ not)\ feel\ comfortable"
    r"|not\ (?:able|comfortable|appropriate|possible)|(?<!\bin\ )(?<!\bthe\ )(?<!\ba\ )decline"
    r"|refuse|must\ abstain|(?:am|['’]m)\ afraid\ i|(?:am|['’]m)\ sorry|apologi[sz]e)"
)
_GIVE = (
    r"(?:provid|giv|answer|estimat|help|assist|predict|shar|generat|speculat|say|choos|decid"
    r"|offer|respond|complet|simulat|fulfil|do\ (?:that|this|so)|tell|produc|creat|compl|engag"
    r"|comment|express|participat|make|pick|select|state|role)"
)
REFUSALS = re.compile(
    rf"""
      \b(?:do(?:n['’]?t|\ not)\ (?:know|have\ (?:an?y?\ |enough\ |sufficient\ |access
        |personal\ |the\ (?:data|information|ability)|opinions?|views?|feelings?|beliefs?))
      |not\ sure|unsure|no\ opinion|refuse|decline\ to|rather\ not|prefer\ not|no\ comment
      |not\ (?:going|willing|allowed|permitted)\ to)\b
    | \bi\ have\ no\ (?:idea|opinion|information|data|way|preference)
    | \bit(?:['’]s|\ is)\ (?:im|not\ )possible\ to\b
    | \b{_CANNOT}\b[^.!?\n]{{0,60}}?\b{_GIVE}
    | \bas\ an?\ (?:ai|artificial|large\ language|language\ model|assistant)[^.!?\n]{{0,60}}?
      \b(?:no|not|n['’]t|cannot|can['’]?t|unable|lack)\b
    | \b(?:kann|können|darf|möchte|will|werde)\b[^.!?\n]{{0,60}}?\b(?:nicht|keine[nrs]?)\b
    | \b(?:weiß|weiss)\b[^.!?\n]{{0,30}}\bnicht\b | \bkeine\ (?:ahnung|angabe|meinung|antwort)\b
    | \btut\ mir\ leid\b | \bnicht\ (?:möglich|in\ der\ lage|beantworten)\b | \bverweigere\b
    | \bne\ (?:peux|puis|sais|souhaite|veux|dispose|suis)\b[^.!?\n]{{0,40}}?\b(?:pas|aucune?)\b
    | \bn['’]ai\ (?:pas|aucune?)\b | \bje\ suis\ désolée?\b | \bdésolée?\b | \bimpossible\ de\b
    | \bsans\ (?:opinion|réponse)\b | \brefuse\ de\b
    | \bno\ (?:puedo|podemos|sé|tengo|quiero|deseo|estoy\ seguro|es\ posible)\b | \blo\ siento\b
    | \bprefiero\ no\b | \bme\ niego\b
    | \bnon\ (?:posso|so|ho|sono\ (?:in\ grado|sicuro)|è\ possibile)\b | \bmi\ dispiace\b
    | \bnão\ (?:posso|sei|tenho|consigo|é\ possível)\b | \b(?:sinto|lamento)\ muito\b
    | \bdesculpe\b
    | \b(?:kan|weet|wil|mag)\b[^.!?\n]{{0,40}}?\bniet\b | \bhelaas\b
    | \bnie\ (?:mogę|wiem|jestem|potrafię)\b | \bprzykro\ mi\b | \bprzepraszam\b
    | \bне\ (?:могу|знаю|имею|уверен\w?)\b | \bизвините\b | \bк\ сожалению\b | \bзатрудняюсь\b
    | \b(?:jag\ |jeg\ )?(?:kan|vet|ved)\ (?:inte|ikke)\b | \btyvärr\b | \bbeklager\b
    | \b(?:bilmiyorum|üzgünüm|yapamam|veremem|cevaplayamam)\b | \bvastaa?\ en\b
    | (?:无法|無法|不能|不知道|不清楚|不便|不愿|不願|抱歉|对不起|對不起|拒绝|拒絕)
    | 没有(?:意见|看法)
    | (?:できません|出来ません|わかりません|分かりません|お答えでき|申し訳|すみません|ごめん)
    | (?:없습니다|죄송|모르겠|모릅니다|거부)
    | (?:لا\ (?:أستطيع|يمكنني|أعرف|أعلم|يمكن)|آسف|أعتذر|عذر[اًا]|نمی‌?\ ?(?:توانم|دانم)|متأسف|متاسف)
    | (?:नहीं|क्षमा|माफ़)
    """,
    re.IGNORECASE | re.VERBOSE,
)
NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|cannot|can['’]?t|rather than|instead of|except|unlike|without|"
    r"disagree\w*|reject\w*|against|exclud\w*|avoid\w*|eliminat\w*|rul(?:e|ed|ing) out|oppos\w*|"
    r"dislik\w*|wrong|incorrect\w*|unlikely|least|worst|hardly|anything but|no to|doubt\w*|"
    r"refus\w*|declin\w*|skip\w*|other than|but for|nobody|no one|false|hate\w*|den(?:y|ied)|"
    r"former\w*|used to|previous\w*|almost|nearly|second choice|"
    r"either|both|between|or|versus|vs|"
    r"nicht|kein\w*|nie|niemals|weder|gegen|außer|statt|falsch\w*|oder|"
    r"pas|jamais|ni|contre|sauf|faux|fausse|mauvaise?|ou|"
    r"ningún\w*|nunca|contra|excepto|falso|falsa|"
    r"non|mai|né|contro|tranne|sbagliat\w*|não|nem|errad\w*|exceto|"
    r"niet|geen|nooit|fout\w*|не|ни|никогда|против|кроме|неверн\w*|или)\b"
    r"|\bno\b|n['’]t\b|不|没|沒|非|错|錯|除|或|ない|ません|でなく|間違|아니|안 |틀린"
    r"|ليس|لا |غير|خطأ|نه |नहीं",
    re.IGNORECASE,
)


def refusal_in(text: str) -> str | None:
    """Return the words by which a reply refuses; None where it does not.

    Examples
    --------
    >>> refusal_in("Ich kann das leider nicht beantworten."), refusal_in("B, I think.")
    ('kann das leider nicht', None)
    """
    found = REFUSALS.search(text)
    return None if found is None else " ".join(found[0].split())
