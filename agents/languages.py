"""The languages of answers: which one a question is in, the sentences around cells, how numbers are written.

Five languages are written by code: English, Chinese, Arabic, German and Spanish. A question in another one is answered in
English. Dates stay ISO, values of records stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ENGLISH = "en"

_STOPWORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        """the a an of and or in on for with what which who how many much is are was were do does did by per from
        to that this those these all show list give me average total number it its not only last first
        most have has there their about""".split()
    ),
    "de": frozenset(
        """der die das den dem des ein eine einen einem einer und oder von vom mit bei für im am zum zur wie viele
        viel welche welcher welches welchen was wer wo wann ist sind war waren hat haben wurde wurden
        nach pro je nicht nur auch aus auf letzte letzten letztes letzter zeige alle gibt es uns unsere
        unserer nenne durchschnitt summe anzahl kunden diese dieser dieses vergangenen gab warum so hoch
        über als zwischen seit ohne davon""".split()
    ),
    "es": frozenset(
        """el la los las un una unos unas y o de del en con para por qué que cuál cuáles cuántos cuántas cuánto
        cuánta quién cómo es son fue fueron hay hubo tiene tienen según cada no solo sólo también último
        última últimos últimas muestra todos todas dame promedio total número más menos entre desde sin
        al lo su sus nos nuestros año mes pasado pasada esos""".split()
    ),
    "fr": frozenset(
        """le la les de des du un une et ou dans avec pour par que quel quelle quels quelles combien est sont sur qui
        au aux nous chaque""".split()
    ),
    "it": frozenset(
        """il lo gli di dei delle della nel con per che quale quali quanti quante è sono su chi ogni""".split()
    ),
    "pt": frozenset(
        """o os as um uma e ou do da dos das no na nos nas com para por que qual quais quantos quantas é são cada""".split()
    ),
    "nl": frozenset(
        """de het een en of van in met voor per wat welke hoeveel is zijn wie alle onze niet alleen ook""".split()
    ),
}

_SENTENCES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "none": "No matching records were found.",
        "one": "The result is {cells}.",
        "stop": ".",
        "none visible": "No matching records are visible to you.",
        "rows": "{n} rows match:",
        "row": "1 row matches:",
        "no value": "The matching records hold no value for this.",
        "incomplete": "This is not complete: {why}.",
        "stale": "This is old: {why}.",
        "refusal": "I can't answer that from the connected systems",
        "understood": "Understood as: {question}",
        "assumed": "Assumed: {what}.",
        "behind": "The data gives no reason. These are the largest of the records that {figure} is made of:",
        "record": "The data gives no reason. This is the record:",
        "which row": "Which one do you mean?",
        "which reading": "“{phrase}” can mean several things here. Which one?",
        "which moment": "Which date does “{phrase}” speak of?",
        "read as": "“{phrase}” was read as {choice}, not as {others}",
        "as before": "“{phrase}” is {choice}, as you said before",
        "nothing asked": "What would you like to know?",
        "differs": "The systems differ: {what}.",
    },
    "de": {
        "none": "Es wurden keine passenden Datensätze gefunden.",
        "one": "Das Ergebnis ist {cells}.",
        "stop": ".",
        "none visible": "Für Sie sind keine passenden Datensätze sichtbar.",
        "rows": "{n} Zeilen passen:",
        "row": "1 Zeile passt:",
        "no value": "Die passenden Datensätze enthalten dafür keinen Wert.",
        "incomplete": "Das ist unvollständig: {why}.",
        "stale": "Das ist veraltet: {why}.",
        "refusal": "Das kann ich aus den verbundenen Systemen nicht beantworten",
        "understood": "Verstanden als: {question}",
        "assumed": "Angenommen: {what}.",
        "behind": "Die Daten nennen keinen Grund. Dies sind die größten der Datensätze, aus denen sich {figure} zusammensetzt:",
        "record": "Die Daten nennen keinen Grund. Dies ist der Datensatz:",
        "which row": "Welche Zeile ist gemeint?",
        "which reading": "„{phrase}“ kann hier mehreres bedeuten. Was ist gemeint?",
        "which moment": "Welches Datum ist mit „{phrase}“ gemeint?",
        "read as": "„{phrase}“ wurde als {choice} gelesen, nicht als {others}",
        "as before": "„{phrase}“ ist {choice}, wie zuvor gesagt",
        "nothing asked": "Was möchten Sie wissen?",
        "differs": "Die Systeme widersprechen sich: {what}.",
    },
    "es": {
        "none": "No se encontraron registros que coincidan.",
        "one": "El resultado es {cells}.",
        "stop": ".",
        "none visible": "No hay registros visibles para usted que coincidan.",
        "rows": "Coinciden {n} filas:",
        "row": "Coincide 1 fila:",
        "no value": "Los registros que coinciden no tienen ningún valor para esto.",
        "incomplete": "Esto no está completo: {why}.",
        "stale": "Esto es antiguo: {why}.",
        "refusal": "No puedo responder a eso con los sistemas conectados",
        "understood": "Entendido como: {question}",
        "assumed": "Supuesto: {what}.",
        "behind": "Los datos no dan ninguna razón. Estos son los mayores de los registros que componen {figure}:",
        "record": "Los datos no dan ninguna razón. Este es el registro:",
        "which row": "¿A cuál se refiere?",
        "which reading": "«{phrase}» puede significar varias cosas aquí. ¿Cuál?",
        "which moment": "¿A qué fecha se refiere «{phrase}»?",
        "read as": "«{phrase}» se leyó como {choice}, no como {others}",
        "as before": "«{phrase}» es {choice}, como dijo antes",
        "nothing asked": "¿Qué le gustaría saber?",
        "differs": "Los sistemas no coinciden: {what}.",
    },
    "zh": {
        "none": "没有找到匹配的记录。",
        "one": "结果是 {cells}。",
        "stop": "。",
        "none visible": "没有您可见的匹配记录。",
        "rows": "共有 {n} 行匹配：",
        "row": "共有 1 行匹配：",
        "no value": "匹配的记录中没有这项的值。",
        "incomplete": "结果不完整：{why}。",
        "stale": "数据已过时：{why}。",
        "refusal": "无法从已连接的系统回答这个问题",
        "understood": "理解为：{question}",
        "assumed": "假设：{what}。",
        "behind": "数据没有给出原因。以下是构成 {figure} 的最大几条记录：",
        "record": "数据没有给出原因。这是该记录：",
        "which row": "您指的是哪一个？",
        "which reading": "“{phrase}”在这里有多种含义。您指的是哪一种？",
        "which moment": "“{phrase}”指的是哪个日期？",
        "read as": "“{phrase}”按 {choice} 理解，而不是 {others}",
        "as before": "“{phrase}”是 {choice}，与您之前所说一致",
        "nothing asked": "您想了解什么？",
        "differs": "各系统的数据不一致：{what}。",
    },
    "ar": {
        "none": "لم يتم العثور على سجلات مطابقة.",
        "one": "النتيجة هي {cells}.",
        "stop": ".",
        "none visible": "لا توجد سجلات مطابقة ظاهرة لك.",
        "rows": "عدد الصفوف المطابقة: {n}",
        "row": "عدد الصفوف المطابقة: 1",
        "no value": "لا تحتوي السجلات المطابقة على قيمة لذلك.",
        "incomplete": "هذه النتيجة غير مكتملة: {why}.",
        "stale": "هذه البيانات قديمة: {why}.",
        "refusal": "لا يمكنني الإجابة عن ذلك من الأنظمة المتصلة",
        "understood": "فُهم السؤال على أنه: {question}",
        "assumed": "افتراض: {what}.",
        "behind": "لا تذكر البيانات سببًا. هذه أكبر السجلات التي يتكوّن منها {figure}:",
        "record": "لا تذكر البيانات سببًا. هذا هو السجل:",
        "which row": "أيّها تقصد؟",
        "which reading": "يمكن أن تعني «{phrase}» أكثر من شيء هنا. أيّها تقصد؟",
        "which moment": "إلى أي تاريخ تشير «{phrase}»؟",
        "read as": "تمت قراءة «{phrase}» على أنها {choice} وليس {others}",
        "as before": "«{phrase}» تعني {choice} كما قلت سابقًا",
        "nothing asked": "ماذا تود أن تعرف؟",
        "differs": "الأنظمة غير متفقة: {what}.",
    },
}
SPOKEN = tuple(_SENTENCES)
"""Languages that answers are given in."""
NAMES = {"en": "English", "de": "German", "es": "Spanish", "zh": "Chinese", "ar": "Arabic"}
REFUSALS = tuple(told["refusal"] for told in _SENTENCES.values())

_MARKS: Mapping[str, tuple[str, str]] = {"de": (".", ","), "es": (".", ",")}
"""How thousands and decimals are set apart, where not as in English."""
_PLAIN_NUMBER = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d+(?:\.\d+)?")


def of(text: str) -> str:
    """The language of a text: its script, else its commonest words; English where nothing says so."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return ENGLISH
    if sum("\u0600" <= c <= "\u06ff" or "\u0750" <= c <= "\u077f" for c in letters) * 3 > len(letters):
        return "ar"
    if any("\u3040" <= c <= "\u30ff" for c in letters):
        return "ja"
    if sum("\u4e00" <= c <= "\u9fff" for c in letters) * 4 > len(letters):
        return "zh"
    words = re.findall(r"[^\W\d_]+", text.lower())
    scores = {name: sum(w in known for w in words) for name, known in _STOPWORDS.items()}
    if re.search(r"[¿¡ñ]", text):
        scores["es"] += 2
    if re.search(r"[äöüß]", text):
        scores["de"] += 1
    best = max(scores, key=lambda n: scores[n])
    return best if scores[best] > scores[ENGLISH] else ENGLISH


def say(key: str, language: str = ENGLISH, **parts: object) -> str:
    """A sentence in a language; English where that language has none."""
    told = _SENTENCES.get(language, _SENTENCES[ENGLISH])
    return told[key].format(**parts)


def number(text: str, language: str) -> str:
    """A number as `result.display` writes it, in the way that a language writes numbers; anything else as it is."""
    marks = _MARKS.get(language)
    if marks is None or not _PLAIN_NUMBER.fullmatch(text):
        return text
    thousands, decimal = marks
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands)
