"""TPC-H's tables as its specification describes them, and what its refresh functions insert and delete.

Keys, numbers, dates and the choice of words follow chapter 4.2.3 of the specification, as far as the 22 queries can
tell: addresses and most comments are words of a small pool. A seed gives one market; the official generator's rows are
others.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = (
    ("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
    ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4), ("KENYA", 0),
    ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4), ("VIETNAM", 2),
    ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1),
)  # fmt: skip
COLOURS = (
    "almond", "antique", "aquamarine", "azure", "beige", "bisque", "black", "blanched", "blue", "blush",
    "brown", "burlywood", "burnished", "chartreuse", "chiffon", "chocolate", "coral", "cornflower", "cornsilk",
    "cream", "cyan", "dark", "deep", "dim", "dodger", "drab", "firebrick", "floral", "forest", "frosted",
    "gainsboro", "ghost", "goldenrod", "green", "grey", "honeydew", "hot", "indian", "ivory", "khaki", "lace",
    "lavender", "lawn", "lemon", "light", "lime", "linen", "magenta", "maroon", "medium", "metallic",
    "midnight", "mint", "misty", "moccasin", "navajo", "navy", "olive", "orange", "orchid", "pale", "papaya",
    "peach", "peru", "pink", "plum", "powder", "puff", "purple", "red", "rose", "rosy", "royal", "saddle",
    "salmon", "sandy", "seashell", "sienna", "sky", "slate", "smoke", "snow", "spring", "steel", "tan",
    "thistle", "tomato", "turquoise", "violet", "wheat", "white", "yellow",
)  # fmt: skip
TYPES = [
    f"{a} {b} {c}"
    for a in ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO")
    for b in ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED")
    for c in ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER")
]
CONTAINERS = [
    f"{a} {b}"
    for a in ("SM", "LG", "MED", "JUMBO", "WRAP")
    for b in ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM")
]
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
INSTRUCTIONS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
MODES = ("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
ADJECTIVES = ("special", "pending", "unusual", "express", "furious", "sly", "careful", "blithe", "quick", "final")
NOUNS = ("packages", "requests", "accounts", "deposits", "foxes", "ideas", "theodolites", "instructions", "platelets")
VERBS = ("sleep", "wake", "nag", "haggle", "cajole", "detect", "boost", "breach")

LEAST = np.array((100, 100, 1000))
START, CURRENT = np.datetime64("1992-01-01"), np.datetime64("1995-06-17")
ORDER_DAYS = 2406
"""From the start to 151 days before the end of 1998, which the last line item reaches."""


def chosen(values: Sequence[str], places: np.ndarray) -> pa.Array:
    """The values that stand at `places`."""
    return pa.array(values).take(pa.array(places))


def money(cents: np.ndarray) -> pa.Array:
    """Amounts with two digits after the point."""
    return pa.array([f"{value / 100:.2f}" for value in cents.tolist()])


def numbered(word: str, numbers: np.ndarray) -> pa.Array:
    return pa.array([f"{word}#{number:09}" for number in numbers.tolist()])


def retail_cents(parts: np.ndarray) -> np.ndarray:
    """What a part costs, which its key says."""
    return np.asarray(90000 + (parts // 10) % 20001 + 100 * (parts % 1000))


class Market:
    """The eight tables at a scale, and one refresh after another."""

    def __init__(self, scale: float, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self.suppliers, self.parts = int(scale * 10_000), int(scale * 200_000)
        self.customers, self.orders = int(scale * 150_000), int(scale * 1_500_000)
        self._clerks = max(int(scale * 1000), 1)
        self._comments = [self._sentence() for _ in range(5000)]
        places = np.arange(self.orders)
        self._keys = places // 8 * 32 + places % 8 + 1
        self._refreshed = 0

    def _sentence(self) -> str:
        words = [self._chance.choice(kind) for kind in (ADJECTIVES, NOUNS, VERBS, ADJECTIVES, NOUNS)]
        return " ".join(words)

    def _pick(self, values: Sequence[str], count: int) -> pa.Array:
        return chosen(values, self._chance.integers(0, len(values), count))

    def tables(self) -> dict[str, pa.Table]:
        """Every table at the beginning."""
        nations = np.arange(len(NATIONS))
        orders, lines = self._ordered(self._keys)
        return {
            "region": pa.table(
                {"key": np.arange(5), "name": pa.array(REGIONS), "comment": self._pick(self._comments, 5)}
            ),
            "nation": pa.table(
                {
                    "key": nations,
                    "name": pa.array([name for name, _ in NATIONS]),
                    "region": pa.array([region for _, region in NATIONS]),
                    "comment": self._pick(self._comments, len(nations)),
                }
            ),
            "supplier": self._supplier(),
            "part": self._part(),
            "partsupp": self._partsupp(),
            "customer": self._customer(),
            "orders": orders,
            "lineitem": lines,
        }

    def _phones(self, nations: np.ndarray) -> pa.Array:
        numbers = self._chance.integers(0, [900, 900, 9000], (len(nations), 3)) + LEAST
        return pa.array(
            [f"{n + 10}-{a}-{b}-{c}" for n, (a, b, c) in zip(nations.tolist(), numbers.tolist(), strict=True)]
        )

    def _supplier(self) -> pa.Table:
        count = self.suppliers
        keys, nations = np.arange(1, count + 1), self._chance.integers(0, 25, count)
        comments = self._pick(self._comments, count).to_pylist()
        some = self._chance.permutation(count)
        told = max(count // 2000, 1)
        for place in some[:told]:
            comments[place] = f"Customer {comments[place]} Complaints"
        for place in some[told : 2 * told]:
            comments[place] = f"Customer {comments[place]} Recommends"
        return pa.table(
            {
                "key": keys,
                "name": numbered("Supplier", keys),
                "address": self._pick(COLOURS, count),
                "nation": nations,
                "phone": self._phones(nations),
                "acctbal": money(self._chance.integers(-99999, 1_000_000, count)),
                "comment": pa.array(comments),
            }
        )

    def _part(self) -> pa.Table:
        count = self.parts
        keys = np.arange(1, count + 1)
        words = np.argsort(self._chance.random((count, len(COLOURS))), axis=1)[:, :5]
        maker, brand = self._chance.integers(1, 6, count), self._chance.integers(1, 6, count)
        return pa.table(
            {
                "key": keys,
                "name": pa.array([" ".join(COLOURS[word] for word in five) for five in words.tolist()]),
                "mfgr": pa.array([f"Manufacturer#{m}" for m in maker]),
                "brand": pa.array([f"Brand#{m}{n}" for m, n in zip(maker, brand, strict=True)]),
                "type": self._pick(TYPES, count),
                "size": self._chance.integers(1, 51, count),
                "container": self._pick(CONTAINERS, count),
                "price": money(retail_cents(keys)),
                "comment": self._pick(COLOURS, count),
            }
        )

    def _supplied(self, parts: np.ndarray, which: np.ndarray) -> np.ndarray:
        """The supplier of each part that is its first, second, third or fourth."""
        count = self.suppliers
        return np.asarray((parts + which * (count // 4 + (parts - 1) // count)) % count + 1)

    def _partsupp(self) -> pa.Table:
        parts, which = np.repeat(np.arange(1, self.parts + 1), 4), np.tile(np.arange(4), self.parts)
        count = len(parts)
        return pa.table(
            {
                "part": parts,
                "supplier": self._supplied(parts, which),
                "availqty": self._chance.integers(1, 10_000, count),
                "supplycost": money(self._chance.integers(100, 100_001, count)),
                "comment": self._pick(self._comments, count),
            }
        )

    def _customer(self) -> pa.Table:
        count = self.customers
        keys, nations = np.arange(1, count + 1), self._chance.integers(0, 25, count)
        return pa.table(
            {
                "key": keys,
                "name": numbered("Customer", keys),
                "address": self._pick(COLOURS, count),
                "nation": nations,
                "phone": self._phones(nations),
                "acctbal": money(self._chance.integers(-99999, 1_000_000, count)),
                "segment": self._pick(SEGMENTS, count),
                "comment": self._pick(self._comments, count),
            }
        )

    def _ordered(self, keys: np.ndarray) -> tuple[pa.Table, pa.Table]:
        """Orders of these keys and their line items. A third of the customers orders nothing."""
        chance, count = self._chance, len(keys)
        customers = chance.integers(0, max(self.customers // 3, 1), count) * 3 + chance.integers(1, 3, count)
        dates = START + chance.integers(0, ORDER_DAYS, count)
        lines = chance.integers(1, 8, count)
        of = np.repeat(np.arange(count), lines)
        numbers = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines) + 1
        items, cents, shipped = self._items(keys[of], dates[of], numbers)
        total = np.bincount(of, cents, count).round().astype(np.int64)
        open = np.bincount(of, shipped > CURRENT, count).astype(np.int64)
        status = np.where(open == 0, 0, np.where(open == lines, 1, 2))
        orders = {
            "key": keys,
            "customer": customers,
            "status": chosen(("F", "O", "P"), status),
            "total": money(total),
            "date": pa.array(dates),
            "priority": self._pick(PRIORITIES, count),
            "clerk": numbered("Clerk", chance.integers(1, self._clerks + 1, count)),
            "ship": np.zeros(count, np.int64),
            "comment": self._pick(self._comments, count),
        }
        return pa.table(orders), items

    def _items(
        self, keys: np.ndarray, ordered: np.ndarray, numbers: np.ndarray
    ) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Line items, what each costs in the end, and when it was sent."""
        chance, count = self._chance, len(keys)
        parts, quantity = chance.integers(1, self.parts + 1, count), chance.integers(1, 51, count)
        discount, tax = chance.integers(0, 11, count), chance.integers(0, 9, count)
        price = quantity * retail_cents(parts)
        shipped = ordered + chance.integers(1, 122, count)
        received = shipped + chance.integers(1, 31, count)
        back = np.where(received <= CURRENT, chance.integers(0, 2, count), 2)
        items = {
            "order": keys,
            "part": parts,
            "supplier": self._supplied(parts, chance.integers(0, 4, count)),
            "number": numbers,
            "quantity": quantity,
            "price": money(price),
            "discount": money(discount),
            "tax": money(tax),
            "returned": chosen(("R", "A", "N"), back),
            "status": chosen(("F", "O"), np.where(shipped > CURRENT, 1, 0)),
            "shipped": pa.array(shipped),
            "committed": pa.array(ordered + chance.integers(30, 91, count)),
            "received": pa.array(received),
            "instruct": self._pick(INSTRUCTIONS, count),
            "mode": self._pick(MODES, count),
            "comment": self._pick(COLOURS, count),
        }
        return pa.table(items), price * (100 - discount) * (100 + tax) / 10_000, shipped

    def refresh(self) -> tuple[pa.Table, pa.Table, list[int]]:
        """One thousandth of new orders with their line items, and the keys of as many orders that go."""
        count = max(self.orders // 1000, 1)
        places = np.arange(self._refreshed * count, (self._refreshed + 1) * count)
        self._refreshed += 1
        orders, items = self._ordered(places // 8 * 32 + places % 8 + 9)
        gone = self._chance.choice(len(self._keys), count, replace=False)
        keys = self._keys[gone].tolist()
        self._keys = np.delete(self._keys, gone)
        return orders, items, keys


def copied(table: pa.Table) -> bytes:
    """Rows as COPY reads them."""
    texts = [column.cast(pa.string()).combine_chunks() for column in table.columns]
    lines = pc.binary_join_element_wise(*texts, "\t")
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()
