"""The verbs, one line each."""

from txlite.data._grammar.translation.words import Verb, entries

__all__ = ["REPORTS", "VERBS"]


def _verb(
    english: list[str], french: list[str], chinese: list[str], use: list[str], kinds: list[str]
) -> Verb:
    base, third, past, participle, present = english
    frame, *rest = use
    split = kinds.index("<") if "<" in kinds else len(kinds)
    return Verb(
        (base, third, past, participle, present),
        french[0],
        chinese[0],
        "" if frame == "alone" else frame,
        frozenset(kinds[:split]),
        frozenset(kinds[split + 1 :] or ["person"]),
        "stative" in rest,
    )


# English forms | French infinitive | Chinese | frame | kinds of objects, "<" kinds of subjects
# (people unless said).
VERBS = entries(
    """
    eat eats ate eaten eating                | manger    | 吃     | object | food < person animal
    drink drinks drank drunk drinking        | boire     | 喝     | object | drink
    read reads read read reading             | lire      | 读     | object | text
    write writes wrote written writing       | écrire    | 写     | object | text
    buy buys bought bought buying            | acheter   | 买     | object | goods
    sell sells sold sold selling             | vendre    | 卖     | object | goods
    see sees saw seen seeing | voir | 看见 | object | person animal seen small
    watch watches watched watched watching   | regarder  | 看     | object | show
    look_at looks_at looked_at looked_at looking_at | regarder | 看 | object | picture animal flower
    find finds found found finding           | trouver   | 找到   | object | small
    open opens opened opened opening         | ouvrir    | 打开   | object | open
    close closes closed closed closing       | fermer    | 关上   | object | shut
    wear wears wore worn wearing             | porter    | 穿     | object | clothes
    draw draws drew drawn drawing            | dessiner  | 画     | object | drawn
    help helps helped helped helping         | aider     | 帮助   | object | person
    invite invites invited invited inviting  | inviter   | 邀请   | object | person
    wait_for waits_for waited_for waited_for waiting_for | attendre | 等 | object | person
    visit visits visited visited visiting    | visiter   | 参观   | object | sight city
    love loves loved loved loving | aimer | 爱 | object stative | person country city
    like likes liked liked liking | aimer | 喜欢 | object stative | food drink text show wear animal
    hate hates hated hated hating | détester | 讨厌 | object stative | person food drink animal
    know knows knew known knowing            | connaître | 认识   | object stative | person
    have has had had having                  | avoir     | 有     | object stative | own
    suit suits suited suited suiting | aller | 适合 | suit stative | person < wear
    give gives gave given giving             | donner    | 给     | gift | gift
    send sends sent sent sending             | envoyer   | 寄给   | gift | mail
    go goes went gone going                  | aller     | 去     | to | goal city country
    come comes came come coming              | venir     | 来     | alone | none
    leave leaves left left leaving           | partir    | 离开   | alone | none
    arrive arrives arrived arrived arriving  | arriver   | 到     | alone | none
    go_home goes_home went_home gone_home going_home | rentrer | 回家 | alone | none
    fall falls fell fallen falling           | tomber    | 摔倒   | alone | none < person animal
    sleep sleeps slept slept sleeping        | dormir    | 睡觉   | alone | none < person animal
    work works worked worked working         | travailler | 工作  | alone | none
    dance dances danced danced dancing       | danser    | 跳舞   | alone | none
    sing sings sang sung singing             | chanter   | 唱歌   | alone | none < person
    cry cries cried cried crying             | pleurer   | 哭     | alone | none
    run runs ran run running                 | courir    | 跑步   | alone | none < person animal
    """,
    _verb,
)

# Verbs that report a sentence.
REPORTS = entries(
    """
    say says said said saying                | dire    | 说   | report | none
    think thinks thought thought thinking    | penser  | 觉得 | report stative | none
    know knows knew known knowing            | savoir  | 知道 | report stative | none
    hope hopes hoped hoped hoping            | espérer | 希望 | report stative | none
    """,
    _verb,
)
