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
    one only or order ordered other our out over overall past people per percent percentage period please
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
    already although altogether another any anybody anyone anything appear appeared around away back became
    because become been began begin beginning begun belong belonging best better beyond big bigger bring brought
    call called came cannot carried carry cause caused certain chosen close closely combine combined come comes
    coming common commonly complete completed completely concern concerning consist contribute contributed
    create currently decide decided despite determine direct directly done down due early earn earned earning
    easily easy else enough enter entered entire entirely equal equally especially even ever everyone everything
    exact exist existing expect expected explain fact fall fallen far fast faster feel fell few finally five fix
    found four fourth fulfil gave general generally generate generated go goes going gone good handle handled
    hard hardly held help her here him his hold holding how however identify important improve increase
    increased instance it itself keep kept kind kinds knew know known latter leave leaving led left let like
    likely listed little long look looking lot lots main mainly make making manner marked may mention mentioned
    might minimum minute minutes more moreover mostly move moved much must near nearest nearly necessary need
    needed neither never nobody none nor normally nothing now observe obtain obtained occasion occurring often
    ones onto opposite originally others otherwise ought own part particular particularly perform performed
    perhaps plus possible possibly present previously prior probably produce produced properly provide provided
    put quick quickly quite rather reach reached read really receive received recently recorded refer regard
    registered relate related relating remain remaining remove reported require required rest return returned
    running said saw say saying see seem seen separate separately set several shall she should similar simply
    since situation six slow slowest slowly somebody someone something sometimes somewhat soon sort speak spend
    spending spent spoke stay still stood stop strong such suppose sure take taken takes taking taught tell ten
    thank thanks themselves thing things think third though thought three through throughout thus till together
    told too took toward towards try turn turned twelve twice unless unlike until upon usually various very via
    way ways went whatever whenever whereas wherever whichever while whole why wide widely word worse worst
    worth wrong yet zero"""
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
    name number order price rate record start state status text time title total type updated user value"""
)
"""Words of column names that alone name nothing in particular."""

ENDINGS = _words(
    """name number date time type kind code status state amount price cost count total rate level flag month year
    day address value score qty id no at on by eur usd gbp"""
)
"""Words with which names of columns end."""

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
    PLAIN | EMPTY | _words("until since till made last first next current previous day week month quarter year hour")
)
"""Words in the names of moments that say nothing of what happened then."""
