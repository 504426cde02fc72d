"""Heavy chains of antibodies, and what the others have where one residue is hidden.

The first is the example on the page of ``AntiBERTy``. The others are the variable domains of well
known drugs. They were written down without a record beside them, and then compared: each is, letter
for letter, what public repositories on GitHub give under the drug's name. The makers' own records
were not looked up. Rituximab and cetuximab have the variable domains of a mouse.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cache

CHAINS = {
    "the example": "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSSAVQWVRQARGQRLEWIGWIVIGSGNTNYAQKFQERVTITRDM"
    "STSTAYMELSSLRSEDTAVYYCAAPYCSSISCNDGFDIWGQGTMVTVS",
    "adalimumab": "EVQLVESGGGLVQPGRSLRLSCAASGFTFDDYAMHWVRQAPGKGLEWVSAITWNSGHIDYADSVEGRFTISRDN"
    "AKNSLYLQMNSLRAEDTAVYYCAKVSYLSTASSLDYWGQGTLVTVSS",
    "atezolizumab": "EVQLVESGGGLVQPGGSLRLSCAASGFTFSDSWIHWVRQAPGKGLEWVAWISPYGGSTYYADSVKGRFTISADT"
    "SKNTAYLQMNSLRAEDTAVYYCARRHWPGGFDYWGQGTLVTVSS",
    "avelumab": "EVQLLESGGGLVQPGGSLRLSCAASGFTFSSYIMMWVRQAPGKGLEWVSSIYPSGGITFYADTVKGRFTISRDN"
    "SKNTLYLQMNSLRAEDTAVYYCARIKLGTVTTVDYWGQGTLVTVSS",
    "bevacizumab": "EVQLVESGGGLVQPGGSLRLSCAASGYTFTNYGMNWVRQAPGKGLEWVGWINTYTGEPTYAADFKRRFTFSLDT"
    "SKSTAYLQMNSLRAEDTAVYYCAKYPHYYGSSHWYFDVWGQGTLVTVSS",
    "cetuximab": "QVQLKQSGPGLVQPSQSLSITCTVSGFSLTNYGVHWVRQSPGKGLEWLGVIWSGGNTDYNTPFTSRLSINKDNS"
    "KSQVFFKMNSLQSNDTAIYYCARALTYYDYEFAYWGQGTLVTVSA",
    "denosumab": "EVQLLESGGGLVQPGGSLRLSCAASGFTFSSYAMSWVRQAPGKGLEWVSGITGSGGSTYYADSVKGRFTISRDN"
    "SKNTLYLQMNSLRAEDTAVYYCAKDPGTTVIMSWFDPWGQGTLVTVSS",
    "ipilimumab": "QVQLVESGGGVVQPGRSLRLSCAASGFTFSSYTMHWVRQAPGKGLEWVTFISYDGNNKYYADSVKGRFTISRDN"
    "SKNTLYLQMNSLRAEDTAIYYCARTGWLGPFDYWGQGTLVTVSS",
    "nivolumab": "QVQLVESGGGVVQPGRSLRLDCKASGITFSNSGMHWVRQAPGKGLEWVAVIWYDGSKRYYADSVKGRFTISRDN"
    "SKNTLFLQMNSLRAEDTAVYYCATNDDYWGQGTLVTVSS",
    "palivizumab": "QVTLRESGPALVKPTQTLTLTCTFSGFSLSTSGMSVGWIRQPPGKALEWLADIWWDDKKDYNPSLKSRLTISKD"
    "TSKNQVVLKVTNMDPADTATYYCARSMITNWYFDVWGAGTTVTVSS",
    "pembrolizumab": "QVQLVQSGVEVKKPGASVKVSCKASGYTFTNYYMYWVRQAPGQGLEWMGGINPSNGGTNFNEKFKNRVTLTTDS"
    "STTTAYMELKSLQFDDTAVYYCARRDYRFDMGFDYWGQGTTVTVSS",
    "rituximab": "QVQLQQPGAELVKPGASVKMSCKASGYTFTSYNMHWVKQTPGRGLEWIGAIYPGNGDTSYNQKFKGKATLTADK"
    "SSSTAYMQLSSLTSEDSAVYYCARSTYYGGDWYFNVWGAGTTVTVSA",
    "trastuzumab": "EVQLVESGGGLVQPGGSLRLSCAASGFNIKDTYIHWVRQAPGKGLEWVARIYPTNGYTRYADSVKGRFTISADT"
    "SKNTAYLQMNSLRAEDTAVYYCSRWGGDGFYAMDYWGQGTLVTVSS",
    "ustekinumab": "EVQLVQSGAEVKKPGESLKISCKGSGYSFTTYWLGWVRQMPGKGLDWIGIMSPVDSDIRYSPSFQGQVTMSVDK"
    "SITTAYLQWNSLKASDTAMYYCARRRPGQGYFDFWGQGTLVTVSS",
}


@cache
def aligned(one: str, other: str) -> dict[int, int]:
    """Return which places of two chains stand together: most equal letters, fewest gaps."""
    best = [[(-float(i + j), 0) for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            both = best[i - 1][j - 1][0] + (a == b)
            best[i][j] = max((both, 2), (best[i - 1][j][0] - 1, 1), (best[i][j - 1][0] - 1, 0))
    pairs, i, j = {}, len(one), len(other)
    while i and j:
        step = best[i][j][1]
        if step == 2:
            pairs[i - 1] = j - 1
        i, j = i - (step > 0), j - (step != 1)
    return pairs


def voted(name: str, chains: Mapping[str, str] = CHAINS) -> str:
    """Return for each place of a chain what most others have there; with none, their commonest.

    The chains are aligned with the residue in sight, which can only help this opponent.
    """
    chain, said = chains[name], []
    others = [other for key, other in chains.items() if key != name]
    often = Counter("".join(others)).most_common(1)[0][0]
    for place in range(len(chain)):
        there = [(other, aligned(chain, other).get(place)) for other in others]
        votes = Counter(other[at] for other, at in there if at is not None)
        said.append(votes.most_common(1)[0][0] if votes else often)
    return "".join(said)
