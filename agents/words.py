"""Lists of English words that the reading of questions goes by."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SAID = _words(
    """a about above across active after again ago all along also always among amount an and any are as asked at
    average be been before below between biggest both breakdown broken but by calculate calendar can case class
    column combination compared consider considering contain contains corresponding could count counts currency
    current currently data database day days define describe did didn difference different display distinct
    distribution divided do doe does doesn don down during each earliest either end ended ending every exactly
    excluding exclusive express expressed fewer fewest field figure final find first following for frequent
    frequently from full further get give given got great greater greatest group grouped had half happen
    happened has hasn have haven having high higher highest hour how i id ignore ignoring in include included
    including inclusive individual instead integer into is it item its join joined just kind large larger
    largest last late later latest least less letter list live long longer longest low lower lowest made make
    makes many match matched matching max maximum me mean measured median min minimum month monthly more most
    much name named names need new newest no non not number numbers occur occurred of old older oldest on once
    one only or order ordered other our out over overall past people per percent percentage period please plus
    present previous quarter rank ranked ranking rate ratio record records regardless respective respectively
    result results return round rounded row rows same second seconds show showing shown single small smaller
    smallest so some sort sorted split start started starting starts sum summary table tell than that the their
    them then there these they this those throughout time times to today together top total totals toward
    truncate truncated two type unique up us use used using value values versus want was we week weekly weeks
    were what when where whether which who whom whose will with within without would year yearly years yet you
    your"""
)
"""Words of questions that give no reason for a condition."""

ORDINARY = _words(
    """able according account actually add added adding additional against ago allow allowed almost alone along
    already although altogether annual annually another answer answered answering answers any anybody anyone
    anything apart appear appeared around aside ask asking assume assuming away back base based basis became
    because become been began begin beginning begins begun behind being belong belonging best better beyond big
    bigger bottom bought break breaking bring brought buy buying calculated calculating call called came cannot
    carried carry categorize cause caused certain chosen chronological client close closely combine combined
    come comes coming common commonly compare comparing comparison complete completed completely compute
    computed concern concerning consist containing contribute contributed converted correct counted counting
    coverage covered create cumulative currently daily decide decided default denominator despite determine
    digit direct directly dismiss disregard disregarded done double down due duplicate duplicates earlier early earn
    earned earning easily easy else enough enter entered entire entirely equal equally especially even ever
    everyone everything exact excluded exclusively exist existing expect expected explain fact fall fallen far
    fast faster fastest feel fell few finally finish five fix followed formatted formula forward found four fourth
    fraction frequency fulfil fully gap gave general generally generate generated go goes going gone good handle
    handled hard hardly headcount held help her here him his histogram hold holding holds hourly how however
    identify ignored imply important improve inclusively increase increased individually instance interval
    intervals it itself join joining keep kept kind kinds knew know known latter lead leading leads leave
    leaving led left let like likely listed lists little living locate located long look looking lot lots
    lowercase main mainly make making manner marked may meaning meant mention mentioned method might minimum
    minute minutes missing money more moreover mostly move moved much multiple must nd near nearest nearly
    necessary need needed negative neither never newly nobody none nor normally nothing now numerator numerically
    observe obtain obtained occasion occurrence occurrences occurring often omit ones onto opposite ordering
    ordinal originally others otherwise ought overview own pair pairs part particular particularly paying
    percentages perform performed perhaps person place placed plus portion positive possible possibly present
    previously prior quarterly probably produce produced properly proportion provide provided purchase purchased
    purchasing put query quick quicker quickest quickly quite rather rd reach reached read really receive received
    recent recently recorded refer regard registered registration registrations relate related relating remain
    remaining remove repeat repeated reported require required rest return returned rolling rounding run running
    runs said saw say saying see seem seen sell selling send sending sent separate separately set several shall
    share she should sign signed signing signup signups similar simply since situation six slow slowest slowly
    sold somebody someone something sometimes somewhat soon sort speak specific specified spend spending spent
    spoke spread st stay still stood stop strong subsequent subset subtract such summarize suppose sure surname
    take taken takes taking tally taught tell ten th thank thanks themselves thing things think third though
    thought three through throughout thus tie ties till together told too took toward towards trend try turn
    turned twelve twice underlying unit units unless unlike until upon uppercase user usual usually various very
    via wide wider widest way ways weekday weekdays weekend weekends went whatever whenever whereas wherever
    whichever while whole why widely word work worked working works worse worst worth write writes writing
    written wrong wrote yet zero"""
)
"""Common words that name nothing that a system could lack: they are no sign that a question can't be answered."""

STATES = _words(
    """bad broken critical dead delayed dormant due empty expired failed faulty finished fresh good healthy
    important late lost normal obsolete ongoing outstanding pending problematic ready resolved running serious
    severe sick stale stuck successful urgent valid void waiting"""
)
"""Words that call for a condition, whatever it is."""

PLAIN = _words(
    """active amount code count created customer data date deleted description end id item key label level line
    name number order price rate record since start state status text time title total type until updated user value"""
)
"""Words of column names that alone name nothing in particular."""

ENDINGS = _words(
    """name number date time type kind code status state amount price cost count total rate level flag month year
    day address value score qty id no at on by eur usd gbp"""
)
"""Words with which names of columns end."""

LEAVING_OUT = r"(?:leav\w+ (?:out|aside)|ignor\w+|exclud\w+|omit\w*|skip\w*|disregard\w*)"
"""How a question says that it leaves somebody out, as a pattern."""

NOUNS = {"payment": "pay", "sale": "sell", "shipment": "ship", "delivery": "deliver", "loss": "lose", "birth": "born"}
NOUNS |= {"decision": "decided", "submission": "submitted", "admission": "admitted", "registration": "registered"}
NOUNS |= {"approval": "approved", "arrival": "arrived", "departure": "departed", "expiry": "expired", "hire": "hired"}
"""What was done by what it is called: `the payment date` is when something was paid."""

SAME_DEEDS = (
    _words("enrol join register registr signup"),
    _words("buy sell"),
)
"""Deeds that happen at one moment, by their roots: who signs up joins, and what is sold is bought."""

ROOTS = {
    "acquisit": "acquir",
    "admis": "admit",
    "convers": "convert",
    "decis": "decid",
    "enrollment": "enrol",
    "enrolment": "enrol",
    "prescript": "prescrib",
    "redempt": "redeem",
    "submis": "submit",
    "subscript": "subscrib",
}
"""Roots of nouns, and of the verbs that they are made of."""

FORMS = {
    "bought": "buy",
    "sold": "sell",
    "buying": "buy",
    "selling": "sell",
    "purchase": "buy",
    "paid": "pay",
    "won": "win",
    "lost": "lose",
    "sent": "send",
    "shipped": "ship",
    "unsuccessful": "fail",
    "failure": "fail",
}
"""Forms of verbs that values are named by."""

EMPTY = _words(
    """a an and are as at by did do does for from had has have how in is it its of on or than that the their
    there they this those to was were what when where which who whose will with"""
)
"""Words that say nothing of what a question is about."""

NO_VERBS = (
    PLAIN
    | EMPTY
    | _words(
        "respective respectively until since till made last first next current previous"
        " day week month quarter year hour"
    )
)
"""Words in the names of moments that say nothing of what happened then."""

BEGINNINGS = _words(
    """began begin beginning book booked created departure departed from hired installed issued joined opened ordered
    planned placed registered reported requested signed start started submitted"""
)
"""Words in the names of moments at which something begins."""

ENDS = _words(
    """arrival arrived cancelled closed completed delivered end ended expired finished left paid removed resolved
    restored returned shipped to until"""
)
"""Words in the names of moments at which something ends."""

KNOWN: dict[str, frozenset[str]] = {
    short: frozenset(words.split())
    for short, words in {
        "acct": "account",
        "act": "actual active activity",
        "actv": "active",
        "addr": "address",
        "amt": "amount",
        "arr": "arrival arrive arrived",
        "avg": "average",
        "bal": "balance",
        "brnd": "brand",
        "cat": "category",
        "ccy": "currency",
        "cd": "code",
        "cls": "class",
        "cmt": "comment",
        "cnt": "count number",
        "co": "company",
        "ctry": "country",
        "cur": "currency current",
        "curr": "currency current",
        "cust": "customer",
        "dep": "departure depart departed department",
        "dept": "department",
        "desc": "description",
        "dest": "destination",
        "dpt": "depot department",
        "dst": "destination",
        "dt": "date",
        "dtl": "detail",
        "emp": "employee",
        "exp": "expiry expire expired expiration expense",
        "flg": "flag",
        "fname": "name",
        "gndr": "gender",
        "grp": "group",
        "hr": "hour hourly",
        "hrs": "hour",
        "inv": "invoice inventory",
        "lang": "language",
        "lic": "licence license",
        "lim": "limit",
        "lname": "name",
        "loc": "location",
        "lvl": "level",
        "mail": "email",
        "max": "maximum highest",
        "mfr": "manufacturer",
        "mgr": "manager",
        "min": "minimum lowest minute",
        "mk": "make",
        "mo": "month",
        "nbr": "number",
        "nm": "name",
        "no": "number",
        "nr": "number",
        "num": "number",
        "ord": "order",
        "org": "organisation organization origin",
        "orig": "origin original",
        "pct": "percent percentage share",
        "pln": "plan planned",
        "pmt": "payment",
        "pr": "price",
        "prd": "product period",
        "prod": "product",
        "prt": "part",
        "purch": "purchase",
        "qty": "quantity piece unit",
        "reg": "registration region registered",
        "rgn": "region",
        "rt": "rate",
        "seg": "segment",
        "rte": "route",
        "sev": "severity",
        "snap": "snapshot",
        "src": "source",
        "st": "status state",
        "stat": "status statistic",
        "stn": "station",
        "sub": "subscription",
        "sup": "supervisor supplier",
        "svc": "service",
        "tel": "telephone phone",
        "term": "termination terminated",
        "tkt": "ticket",
        "tot": "total",
        "trx": "transaction",
        "ts": "time timestamp",
        "tx": "transaction",
        "txn": "transaction",
        "typ": "type",
        "uom": "unit",
        "upd": "update updated",
        "usr": "user",
        "val": "value",
        "veh": "vehicle",
        "whse": "warehouse",
        "wt": "weight",
        "yr": "year",
    }.items()
}
"""Usual short forms, and what they are short for."""

UNITS: dict[str, frozenset[str]] = {
    "gb": frozenset({"gigabyte"}),
    "mb": frozenset({"megabyte"}),
    "cl": frozenset({"centilitre", "centiliter"}),
    "cm": frozenset({"centimetre", "centimeter"}),
    "ha": frozenset({"hectare"}),
    "kg": frozenset({"kilogram", "kilo"}),
    "km": frozenset({"kilometre", "kilometer"}),
    "kwh": frozenset({"kilowatt"}),
    "ml": frozenset({"millilitre", "milliliter"}),
    "mm": frozenset({"millimetre", "millimeter"}),
}
"""Units, which mean one thing whatever the names around them are like."""
