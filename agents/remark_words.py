"""Patterns of remarks after an answer: what opens them, what they point back to, and what they ask to be changed. English."""

from __future__ import annotations

import re

OPENERS = re.compile(
    r"^\W*(?:and|or|but|also|broken down|grouped|sorted|ordered|then|now|only|just|what about|how about|what of|same|the same|without|excluding|except|leave out"
    r"|sort|order|per|by|in|for|since|before|after|top|the (?:first|second|third|last|other)|why|instead|split|group|break"
    r"|not|with|limit|reverse|all of|more than|less than|over|under|above|below|make it)\b",
    re.IGNORECASE,
)
ANAPHORA = re.compile(
    r"\b(?:that|this|those|these|them|they|their|it|its|theirs|he|she|his|her|the same|(?:first|second|third|last|other) ones?|ones?)\b",
    re.IGNORECASE,
)
WHOLE = re.compile(
    r"^\W*(?:and|but|now|then|also|ok|okay|so)?\W*(?:how (?:many|much)|what|which|who|whose|where|when|list|show|give|count|find|tell|return"
    r"|display|name|are there|is there|do we|does|did|how (?:long|often|old))\b",
    re.IGNORECASE,
)
AGAIN = re.compile(
    r"^\W*(?:no|nope|sorry|actually|rather|wait|ok|okay|thanks|thank you|hm+|well)\b[,.:! ]+|^\W*i(?: mean|['’]m asking|['’]d like|meant)?(?: mean| meant)?\b[,: ]+(?=\S)",
    re.IGNORECASE,
)
"""What stands before a remark and says nothing of it: `no, I meant Spain`."""
ABOUT = re.compile(
    r"^\W*(?:and\s+)?(?:what|how) about\b|^\W*what of\b|^\W*what(?:'s| is| are)? (?:it like )?(?:with|in|for)\b|^\W*what (?:is happening|happens|happened) (?:with|to|in|for)?\b",
    re.IGNORECASE,
)
FILLER = frozenset(
    """a about across again all also am among an and are as at be been break broken but by called can could count did
    do does down during each entries every exactly figure figures for from give good great group grouped
    grouping had happened happening happens has have hello hi how i if in instead into is it its just least let
    like limit list made make many me mean meant most much name named now number of ok okay on one ones only or
    order ordered our out over per please rather record records result results right row rows same show so sort
    sorted split tell than thank thanks that the their them then there these they thing things this those to too
    under us value values via was we well were what when where which who will with within would wrong yes you
    your""".split()
)
ADD = re.compile(r"\b(?:also|too|as well|additionally|further|in addition)\b", re.IGNORECASE)
BY = re.compile(
    r"\b(?:per|by|for each|for every|each|every|across|(?:grouped|split|broken down|break down|divided) by)\s+(?:the\s+|their\s+|its\s+)?(?:\w+['’]s?\s+)?$",
    re.IGNORECASE,
)
SORTED = re.compile(
    r"\b(?:sort|order)(?:ed)?(?: them| it| that| these| those)?(?: by)?\s+(?:the\s+|their\s+)?$", re.IGNORECASE
)
SHOWN = re.compile(
    r"\b(?:with|show|include|including|add|display|give me|list|what is|what are|what's|and)\s+(?:me\s+)?(?:also\s+|too\s+)?(?:the\s+|their\s+|its\s+|his\s+|her\s+)?$",
    re.IGNORECASE,
)
NEGATED = re.compile(
    r"\b(?:not|without|excluding|exclude|except(?: for)?|leav\w+ out|ignor\w+|other than|but not|no)\s+(?:the\s+|those\s+(?:in|from)\s+|any\s+)?$",
    re.IGNORECASE,
)
UNIT = re.compile(
    r"\b(?:per|by|for each|each|every|(?:grouped|split) by)\s+(day|week|month|quarter|year)\b|\b(day|week|month|quarter|year) by (?:day|week|month|quarter|year)\b|\b(daily|weekly|monthly|quarterly|yearly)\b",
    re.IGNORECASE,
)
UNITS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
SHIFT = re.compile(
    r"\b(?:the\s+)?(?:(day|week|month|quarter|year)\s+(before|after)(?:\s+that)?|(previous|preceding|following|next)\s+(day|week|month|quarter|year)"
    r"|(?:a|one)\s+(day|week|month|quarter|year)\s+(earlier|later))\b(?!\s+\d)",
    re.IGNORECASE,
)
EVER = re.compile(
    r"\b(?:ever|of all time|all[- ]time|in total(?! )|overall|at any time|regardless of (?:the )?(?:date|time|period))\b",
    re.IGNORECASE,
)
LIMIT = re.compile(
    r"\b(?:the\s+)?(?P<n>\d{1,4}|two|three|four|five|ten)\s+(?:largest|biggest|highest|best|smallest|lowest|worst)\b|"
    r"\b(?:the\s+)?(?:top|first|best|largest|biggest|highest|bottom|worst|lowest|smallest)\s+(\d{1,4}|two|three|four|five|six|seven|eight|nine|ten|twenty)\b"
    r"|\b(?:only|just|show(?: me)?|list|keep(?: only)?|limit(?:ed)?(?: it)? to|make it)\s+(?:the\s+)?(?:first\s+|top\s+)?(\d{1,4}|one|two|three|four|five|ten|twenty)\b(?!\s*%)",
    re.IGNORECASE,
)
NO_LIMIT = re.compile(
    r"\b(?:all of (?:them|these|those)|show (?:me )?(?:them )?all|list (?:them )?all|the (?:full|whole|entire|complete) list|without (?:a )?limit)\b",
    re.IGNORECASE,
)
UP = re.compile(
    r"\b(?:lowest|smallest|least|fewest|worst|cheapest|bottom|ascending|shortest|earliest|oldest)\b", re.IGNORECASE
)
DOWN = re.compile(
    r"\b(?:highest|largest|biggest|greatest|most|best|descending|longest|latest|newest|most expensive)\b", re.IGNORECASE
)
TURN = re.compile(r"\b(?:the other way (?:a)?round|reversed?|in reverse|opposite)\b", re.IGNORECASE)
FIGURE = re.compile(
    r"\b(?:(average|mean|avg)|(total|sum|totals)|(maximum|max)|(minimum|min)|(median)|(how many|count|number))\b",
    re.IGNORECASE,
)
NAMES = ("average", "total", "maximum", "minimum", "median", "count")
THRESHOLD = re.compile(
    r"\b(more than|over|above|greater than|exceeding|at least|less than|under|below|fewer than|at most)\s+(\d[\d,]*(?:\.\d+)?)\b(?!\s*(?:%|percent))",
    re.IGNORECASE,
)
MONTH_ALONE = re.compile(
    r"\b(january|february|march|april|may|june|july|august|september|october|november|december|q[1-4]"
    r"|(?:first|second|third|fourth|1st|2nd|3rd|4th) quarter)\b(?!\s*,?\s*(?:of\s+)?\d{4})",
    re.IGNORECASE,
)
MONTHS = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|q[1-4])\b"
)
FIRST = re.compile(
    r"\b(?:only|just|keep(?: only)?) the (?:first|top|best|highest|largest)(?: one)?\b(?! (?:\d|two|three|four|five|six|seven|eight|nine|ten))",
    re.IGNORECASE,
)
ONE_TO_OTHER = re.compile(
    r"\bfrom (?:the )?(?:(highest|largest|biggest|most|best)|(lowest|smallest|fewest|least|worst)) to (?:the )?\w+\b",
    re.IGNORECASE,
)
INSTEAD = re.compile(r"\b(?:instead of|in place of|rather than|not)\s+(?:by|per|for each)\s+[\w ]+$", re.IGNORECASE)
LIST_THEM = re.compile(r"\b(?:list|show|give)(?: me)? (?:them|these|those|it|the records|the details)\b", re.IGNORECASE)
BY_WORDS = re.compile(
    r"\b(?:by|per|for each|for every|each|every|(?:grouped|split|broken down) by)\s+(?:the\s+)?((?:[^\W\d_]+\s?){1,3})",
    re.IGNORECASE,
)
OF_THEM = re.compile(r"\b(?:of|among|from) (?:them|those|these|which)\b|\bwhich ones?\b", re.IGNORECASE)
MOST_WORDS = 14
TELLING = frozenset(
    """never none neither nor unless until without despite except additional added almost more enough nearly zero best worst better
    minimum several fix failed cause caused increase increased improve changed exist like instead opposite rest remaining""".split()
)
"""Ordinary words that may change what is asked."""
