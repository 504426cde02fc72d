"""The nouns and names, one line each."""

from txlite.data._grammar.translation.words import Name, Noun, entries

__all__ = ["NAMES", "NOUNS"]


def _noun(english: list[str], french: list[str], chinese: list[str], kinds: list[str]) -> Noun:
    one, *many = english
    singular, plural, gender = french if len(french) == 3 else (french[0], "", french[1])
    word, measure = chinese
    pair = (one, many[0] if many else "")
    return Noun(pair, (singular, plural), gender, word, measure, frozenset(kinds))


# English | French and gender | Chinese and measure word | kinds.  No plural: not counted.
# The kinds say what is plausibly done to it and said of it: "goods" are bought and sold, "mail" is
# sent, "gift" given, "own" had, "small" found, "drawn" drawn, "sight" visited, "goal" gone to;
# "aged", "adult", "pretty", "bright", "sized", "fresh", "gripping", "dear", "weighty", "tidy" and
# "coloured" are for the adjectives; "kin" is always somebody's, "loose" never.
NOUNS = entries(
    """
    student students     | étudiant étudiants m     | 学生 个   | person job adult bright
    teacher teachers     | professeur professeurs m | 老师 位   | person job adult bright
    doctor doctors       | médecin médecins m       | 医生 位   | person job adult aged bright
    engineer engineers   | ingénieur ingénieurs m   | 工程师 位 | person job adult aged bright loose
    painter painters     | peintre peintres m       | 画家 位   | person job adult aged loose
    nurse nurses         | infirmière infirmières f | 护士 个   | person job adult loose
    friend friends       | ami amis m               | 朋友 个   | person aged bright
    child children       | enfant enfants m         | 孩子 个   | person drawn bright
    boy boys             | garçon garçons m         | 男孩 个   | person drawn bright loose
    girl girls           | fille filles f           | 女孩 个   | person drawn bright pretty loose
    man men              | homme hommes m           | 男人 个   | person drawn adult aged loose
    woman women | femme femmes f | 女人 个 | person drawn adult aged pretty loose
    brother brothers     | frère frères m           | 哥哥 个   | person kin
    sister sisters       | sœur sœurs f             | 姐姐 个   | person kin
    cat cats             | chat chats m | 猫 只 | animal small gift own drawn aged sized pretty
    dog dogs             | chien chiens m | 狗 只 | animal small gift own drawn aged sized bright
    bird birds           | oiseau oiseaux m | 鸟 只 | animal small gift own drawn sized pretty
    horse horses         | cheval chevaux m | 马 匹 | animal gift own drawn aged sized bright pretty
    apple apples         | pomme pommes f           | 苹果 个   | food goods gift sized red
    egg eggs             | œuf œufs m               | 鸡蛋 个   | food goods gift sized
    bread                | pain m                   | 面包 块   | food goods bulk piece
    rice                 | riz m                    | 米饭 碗   | food goods bulk bowl
    cheese               | fromage m                | 奶酪 块   | food goods bulk piece
    water                | eau f                    | 水 杯     | drink goods bulk glass
    tea                  | thé m                    | 茶 杯     | drink goods bulk cup
    coffee               | café m                   | 咖啡 杯   | drink goods bulk cup
    book books | livre livres m | 书 本 | text goods gift mail own small fresh gripping weighty dear
    novel novels         | roman romans m | 小说 本 | text goods gift mail own small fresh gripping
    letter letters       | lettre lettres f | 信 封 | text mail small open gripping
    film films           | film films m             | 电影 部   | show fresh gripping loose
    car cars | voiture voitures f | 车 辆 | goods gift own seen sized fresh dear coloured tidy
    bicycle bicycles | vélo vélos m | 自行车 辆 | goods gift own seen fresh dear weighty coloured
    house houses | maison maisons f | 房子 栋 | goods own drawn seen sized fresh dear coloured tidy
    table tables | table tables f | 桌子 张 | goods own seen sized fresh dear weighty coloured tidy
    pen pens | stylo stylos m | 笔 支 | goods gift mail own small fresh dear coloured
    phone phones | téléphone téléphones m | 手机 部 | goods gift own small fresh dear coloured
    key keys             | clé clés f               | 钥匙 把   | gift own small sized fresh
    door doors           | porte portes f           | 门 扇     | open shut seen coloured tidy
    window windows       | fenêtre fenêtres f       | 窗户 扇   | open shut seen sized tidy
    picture pictures | tableau tableaux m | 画 幅 | picture goods gift own seen sized dear pretty
    flower flowers | fleur fleurs f | 花 朵 | flower goods gift drawn small sized pretty coloured
    piece_of_clothing clothes | vêtement vêtements m | 衣服 件 | clothes wear goods gift mail tidy
    dress dresses | robe robes f | 裙子 条 | clothes wear goods gift mail own dear pretty coloured
    shirt shirts | chemise chemises f | 衬衫 件 | clothes wear goods gift mail own coloured tidy
    hat hats | chapeau chapeaux m | 帽子 顶 | wear goods gift mail own small sized fresh coloured
    city cities | ville villes f | 城市 座 | sight seen sized pretty gripping tidy loose
    museum museums | musée musées m | 博物馆 座 | sight goal drawn seen fresh gripping loose
    school schools       | école écoles f | 学校 所   | sight goal seen fresh tidy loose
    park parks           | parc parcs m | 公园 个   | sight goal seen sized pretty tidy loose
    station stations     | gare gares f | 车站 个   | goal seen fresh tidy loose
    garden gardens       | jardin jardins m | 花园 个 | sight own drawn seen sized pretty
    """,
    _noun,
)


def _name(english: list[str], french: list[str], chinese: list[str], about: list[str]) -> Name:
    gender = "" if about[1] == "none" else about[1]
    return Name(english[0], french[0], chinese[0], gender, about[0])


# English | French | Chinese | kind, and the gender of the person or of the French country.
NAMES = entries(
    """
    Marie    | Marie     | 玛丽   | person f
    Sophie   | Sophie    | 苏菲   | person f
    Anna     | Anna      | 安娜   | person f
    Paul     | Paul      | 保罗   | person m
    Luc      | Luc       | 吕克   | person m
    Thomas   | Thomas    | 托马斯 | person m
    Wang_Wei | Wang_Wei  | 王伟   | person m
    Li_Na    | Li_Na     | 李娜   | person f
    China    | Chine     | 中国   | country f
    France   | France    | 法国   | country f
    Italy    | Italie    | 意大利 | country f
    Japan    | Japon     | 日本   | country m
    Paris    | Paris     | 巴黎   | city none
    Beijing  | Pékin     | 北京   | city none
    Rome     | Rome      | 罗马   | city none
    Shanghai | Shanghai  | 上海   | city none
    """,
    _name,
)
