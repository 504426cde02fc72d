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
NOUNS = entries(
    """
    student students     | étudiant étudiants m     | 学生 个   | person job
    teacher teachers     | professeur professeurs m | 老师 位   | person job
    doctor doctors       | médecin médecins m       | 医生 位   | person job
    engineer engineers   | ingénieur ingénieurs m   | 工程师 位 | person job
    painter painters     | peintre peintres m       | 画家 位   | person job
    nurse nurses         | infirmière infirmières f | 护士 个   | person job
    friend friends       | ami amis m               | 朋友 个   | person
    child children       | enfant enfants m         | 孩子 个   | person
    boy boys             | garçon garçons m         | 男孩 个   | person
    girl girls           | fille filles f           | 女孩 个   | person
    man men              | homme hommes m           | 男人 个   | person
    woman women          | femme femmes f           | 女人 个   | person
    brother brothers     | frère frères m           | 哥哥 个   | person
    sister sisters       | sœur sœurs f             | 姐姐 个   | person
    cat cats             | chat chats m             | 猫 只     | animal
    dog dogs             | chien chiens m           | 狗 只     | animal
    bird birds           | oiseau oiseaux m         | 鸟 只     | animal
    horse horses         | cheval chevaux m         | 马 匹     | animal
    apple apples         | pomme pommes f           | 苹果 个   | food fruit thing
    egg eggs             | œuf œufs m               | 鸡蛋 个   | food thing
    bread                | pain m                   | 面包 块   | food bulk piece
    rice                 | riz m                    | 米饭 碗   | food bulk bowl
    soup                 | soupe f                  | 汤 碗     | food bulk bowl
    water                | eau f                    | 水 杯     | drink bulk glass
    tea                  | thé m                    | 茶 杯     | drink bulk cup
    coffee               | café m                   | 咖啡 杯   | drink bulk cup
    book books           | livre livres m           | 书 本     | text thing
    novel novels         | roman romans m           | 小说 本   | text written thing
    letter letters       | lettre lettres f         | 信 封     | text written thing
    film films           | film films m             | 电影 部   | show
    car cars             | voiture voitures f       | 车 辆     | thing dear
    bicycle bicycles     | vélo vélos m             | 自行车 辆 | thing dear
    house houses         | maison maisons f         | 房子 栋   | dear open
    table tables         | table tables f           | 桌子 张   | thing
    pen pens             | stylo stylos m           | 笔 支     | thing
    phone phones         | téléphone téléphones m   | 手机 部   | thing dear
    key keys             | clé clés f               | 钥匙 把   | thing
    door doors           | porte portes f           | 门 扇     | open
    window windows       | fenêtre fenêtres f       | 窗户 扇   | open
    picture pictures     | tableau tableaux m       | 画 幅     | thing picture dear
    flower flowers       | fleur fleurs f           | 花 朵     | thing
    piece_of_clothing clothes | vêtement vêtements m | 衣服 件  | clothes thing
    dress dresses        | robe robes f             | 裙子 条 | clothes thing
    shirt shirts         | chemise chemises f       | 衬衫 件   | clothes thing
    hat hats             | chapeau chapeaux m       | 帽子 顶   | hat thing
    city cities          | ville villes f           | 城市 座   | place
    museum museums       | musée musées m           | 博物馆 座 | place goal
    school schools       | école écoles f           | 学校 所   | place goal
    park parks           | parc parcs m             | 公园 个   | place goal
    station stations     | gare gares f             | 车站 个   | place goal
    garden gardens       | jardin jardins m         | 花园 个   | place
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
