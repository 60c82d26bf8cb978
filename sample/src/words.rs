//! The sample shop's word lists: departments, categories, brands and countries, with what shoppers do about
//! them (season, restocking, what goes with what). Tables only; the drawing happens elsewhere.

/// Styles in every department; a style's slot is its place in the department's list.
pub(super) const STYLES: usize = 6;
/// Price tiers: 0 budget, 1 middle, 2 premium.
pub(super) const TIERS: usize = 3;

/// A department: a name and the styles its categories share.
pub(super) struct Department {
    pub(super) name: &'static str,
    pub(super) styles: [Style; STYLES],
}

/// A style: its tag and the adjectives that say it in a title.
pub(super) struct Style {
    pub(super) tag: &'static str,
    pub(super) adjectives: &'static [&'static str],
}

/// A kind of product in a category: its name, its price in percent of the category's, its sizes small to large.
pub(super) struct Noun(pub(super) &'static str, pub(super) u32, pub(super) &'static [&'static str]);

/// A category of the shop.
pub(super) struct Category {
    pub(super) name: &'static str,
    /// Index into [`DEPARTMENTS`].
    pub(super) department: usize,
    pub(super) nouns: &'static [Noun],
    /// Materials, or flavours where the goods are eaten.
    pub(super) materials: &'static [&'static str],
    pub(super) colours: &'static [&'static str],
    pub(super) tags: &'static [&'static str],
    pub(super) median_cents: u32,
    /// Share of the assortment and of everyday demand.
    pub(super) weight: u32,
    /// Demand in each month, ten being the ordinary.
    pub(super) season: &'static [u32; 12],
    /// Days until one package is used up; 0 for things that last.
    pub(super) restock_days: u32,
    /// Categories bought together with this one, with weights.
    pub(super) complements: &'static [(&'static str, u32)],
}

/// An invented brand: the categories it sells in and its price level.
pub(super) struct Brand {
    pub(super) name: &'static str,
    pub(super) level: u8,
    pub(super) categories: &'static [&'static str],
}

/// A country the shop delivers to.
pub(super) struct Country {
    pub(super) code: &'static str,
    /// Share of the shoppers.
    pub(super) share: u32,
    /// The style slot that is liked a little more here.
    pub(super) style: u8,
    /// Categories in demand more or less than elsewhere, in percent.
    pub(super) demand: &'static [(&'static str, u32)],
}

const FLAT: [u32; 12] = [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 11, 12];
const COSY: [u32; 12] = [14, 12, 10, 8, 7, 6, 6, 7, 10, 13, 15, 17];
const BAKING: [u32; 12] = [9, 10, 11, 10, 8, 7, 6, 7, 10, 12, 18, 22];
const GIFTS: [u32; 12] = [4, 8, 7, 8, 10, 7, 5, 5, 6, 9, 26, 42];
const CHRISTMAS: [u32; 12] = [3, 1, 1, 1, 1, 1, 1, 2, 5, 16, 44, 52];
const GARDEN: [u32; 12] = [3, 6, 14, 22, 24, 18, 13, 10, 9, 6, 3, 2];
const TERRACE: [u32; 12] = [2, 4, 9, 18, 25, 25, 19, 12, 6, 3, 2, 2];
const CAMPING: [u32; 12] = [4, 5, 7, 11, 17, 23, 26, 19, 9, 5, 4, 6];
const HIKING: [u32; 12] = [6, 7, 10, 13, 15, 14, 13, 13, 13, 9, 6, 8];

const NONE: &[&str] = &[];
const PANS: &[&str] = &["20 cm", "24 cm", "28 cm", "32 cm"];
const LITRES: &[&str] = &["2 l", "3 l", "5 l", "7 l"];
const TINS: &[&str] = &["20 cm", "24 cm", "26 cm", "30 cm"];
const SETS: &[&str] = &["Set of 2", "Set of 4", "Set of 6"];
const BLADES: &[&str] = &["9 cm", "15 cm", "20 cm", "24 cm"];
const CUPS: &[&str] = &["3 Cups", "6 Cups", "10 Cups"];
const POTS: &[&str] = &["0.6 l", "0.9 l", "1.2 l", "1.5 l"];
const PLATES: &[&str] = &["17 cm", "21 cm", "27 cm", "31 cm"];
const MUGS: &[&str] = &["200 ml", "300 ml", "400 ml"];
const JARS: &[&str] = &["0.3 l", "0.5 l", "1 l", "2 l", "Set of 3"];
const BEDS: &[&str] = &["Single", "Double", "King", "Super King"];
const SQUARES: &[&str] = &["40 × 40 cm", "50 × 50 cm", "60 × 60 cm"];
const THROWS: &[&str] = &["130 × 170 cm", "150 × 200 cm", "180 × 220 cm"];
const SHADES: &[&str] = &["Small", "Medium", "Large"];
const HOURS: &[&str] = &["25 Hours", "40 Hours", "60 Hours", "80 Hours"];
const BAUBLES: &[&str] = &["Set of 6", "Set of 12", "Set of 24"];
const METRES: &[&str] = &["2 m", "5 m", "10 m", "20 m"];
const SEATS: &[&str] = &["2 Seats", "4 Seats", "6 Seats", "8 Seats"];
const PLANTS: &[&str] = &["Ø 15 cm", "Ø 24 cm", "Ø 32 cm", "Ø 45 cm", "Ø 60 cm"];
const PACKETS: &[&str] = &["Packet", "Set of 3 Packets", "Grower's Box"];
const PERSONS: &[&str] = &["1 Person", "2 Persons", "3 Persons", "4 Persons", "6 Persons"];
const WARMTH: &[&str] = &["+10 °C", "+5 °C", "0 °C", "−7 °C"];
const PACKS: &[&str] = &["15 l", "22 l", "35 l", "50 l", "65 l"];
const COFFEES: &[&str] = &["250 g", "500 g", "1 kg"];
const TEAS: &[&str] = &["20 Bags", "100 g", "250 g", "500 g"];
const FLOURS: &[&str] = &["250 g", "500 g", "1 kg", "2.5 kg"];
const SPREADS: &[&str] = &["150 g", "250 g", "400 g"];
const BOTTLES: &[&str] = &["250 ml", "500 ml", "750 ml", "1 l"];
const HAMPERS: &[&str] = &["Small", "Medium", "Large", "Grand"];
const WASHES: &[&str] = &["20 Washes", "40 Washes", "60 Washes"];
const SACKS: &[&str] = &["800 g", "2 kg", "4 kg", "10 kg"];
const TRAYS: &[&str] = &["6 × 85 g", "12 × 85 g", "24 × 85 g"];
const ANIMALS: &[&str] = &["Small", "Medium", "Large"];

const GLAZES: &[&str] = &["Oat", "Slate", "Sage", "Ink Blue", "Chalk", "Rust"];
const TEXTILES: &[&str] = &["Oat", "Sage", "Terracotta", "Midnight", "Blush", "Charcoal", "Ivory"];
const METALS: &[&str] = &["Black", "Brass", "Copper", "Steel", "White"];
const FESTIVE: &[&str] = &["Red", "Gold", "Silver", "Forest Green", "White"];
const OUTSIDE: &[&str] = &["Anthracite", "Olive", "Sand", "Terracotta", "Natural"];
const TRAIL: &[&str] = &["Moss", "Granite", "Sunset Orange", "Lake Blue", "Black"];

const KITCHEN: usize = 0;
const HOME: usize = 1;
const GARDENING: usize = 2;
const OUTDOOR: usize = 3;
const PANTRY: usize = 4;
const HOUSEHOLD: usize = 5;
const PETS: usize = 6;

const fn style(tag: &'static str, adjectives: &'static [&'static str]) -> Style {
    Style { tag, adjectives }
}

/// The departments, in the order that [`Category::department`] counts.
pub(super) const DEPARTMENTS: [Department; 7] = [
    Department {
        name: "Kitchen",
        styles: [
            style("nordic", &["Nordic", "Pale", "Pure", "Plain", "Fjord"]),
            style("rustic", &["Rustic", "Farmhouse", "Hearth", "Hand-finished", "Country"]),
            style("modern", &["Modern", "Matt", "Slimline", "Studio", "Minimal"]),
            style("classic", &["Classic", "Heritage", "Traditional", "Bistro", "Timeless"]),
            style("colourful", &["Colourful", "Bright", "Painted", "Sunny", "Speckled"]),
            style("professional", &["Professional", "Chef's", "Heavy-duty", "Precision", "Pro"]),
        ],
    },
    Department {
        name: "Home",
        styles: [
            style("nordic", &["Nordic", "Hygge", "Pale", "Quiet", "Fjord"]),
            style("rustic", &["Rustic", "Farmhouse", "Cabin", "Weathered", "Country"]),
            style("modern", &["Modern", "Minimal", "Studio", "Geometric", "Loft"]),
            style("classic", &["Classic", "Heritage", "Elegant", "Timeless", "Manor"]),
            style("botanical", &["Botanical", "Fern", "Meadow", "Wildflower", "Leafy"]),
            style("coastal", &["Coastal", "Seaside", "Driftwood", "Harbour", "Dune"]),
        ],
    },
    Department {
        name: "Garden",
        styles: [
            style("simple", &["Simple", "Plain", "Everyday", "Clean-lined", "Pale"]),
            style("cottage", &["Cottage", "Farmhouse", "Rambling", "Old-fashioned", "Orchard"]),
            style("modern", &["Modern", "Urban", "Slimline", "Rooftop", "Architect's"]),
            style("heritage", &["Heritage", "Victorian", "Classic", "Head Gardener's", "Walled-garden"]),
            style("wildlife", &["Wildlife", "Bee-friendly", "Meadow", "Hedgerow", "Pollinator"]),
            style("mediterranean", &["Mediterranean", "Tuscan", "Terrace", "Sun-baked", "Riviera"]),
        ],
    },
    Department {
        name: "Outdoor",
        styles: [
            style("ultralight", &["Ultralight", "Featherweight", "Minimal", "Fast", "Airy"]),
            style("retro", &["Retro", "Scout", "Waxed", "Woodland", "Old-school"]),
            style("trail", &["Trail", "Path", "Ridge", "Ramble", "Long-distance"]),
            style("expedition", &["Expedition", "Polar", "Summit", "Arctic", "High-camp"]),
            style("family", &["Family", "Weekend", "Festival", "Easy-pitch", "Lakeside"]),
            style("all-weather", &["All-weather", "Storm", "Rainproof", "Gale", "Atlantic"]),
        ],
    },
    Department {
        name: "Pantry",
        styles: [
            style("organic", &["Organic", "Biodynamic", "Natural", "Whole", "Wild"]),
            style("traditional", &["Traditional", "Grandmother's", "Farmhouse", "Stone-ground", "Village"]),
            style("everyday", &["Everyday", "House", "Breakfast", "Family", "Kitchen"]),
            style("gourmet", &["Gourmet", "Reserve", "Single-estate", "Grand", "Connoisseur's"]),
            style("fair-trade", &["Fair Trade", "Cooperative", "Smallholder", "Direct-trade", "Rainforest"]),
            style("spiced", &["Spiced", "Fiery", "Smoky", "Aromatic", "Warming"]),
        ],
    },
    Department {
        name: "Household",
        styles: [
            style("plant-based", &["Plant-based", "Botanical", "Natural", "Green", "Pure"]),
            style("traditional", &["Traditional", "Old-fashioned", "Marseille", "Grandmother's", "Classic"]),
            style("concentrated", &["Concentrated", "Compact", "Power", "Double-strength", "Pro"]),
            style("everyday", &["Everyday", "Family", "Multi-purpose", "Simple", "Fresh"]),
            style("sensitive", &["Sensitive", "Gentle", "Mild", "Hypoallergenic", "Baby-soft"]),
            style("zero-waste", &["Zero-waste", "Refillable", "Plastic-free", "Loop", "Carton-packed"]),
        ],
    },
    Department {
        name: "Pets",
        styles: [
            style("natural", &["Natural", "Grain-free", "Wild", "Pure", "Raw"]),
            style("country", &["Country", "Farm", "Orchard", "Barn", "Shepherd's"]),
            style("active", &["Active", "Adventure", "Working", "Lively", "Explorer"]),
            style("premium", &["Premium", "Signature", "Fine", "Royal", "Select"]),
            style("young", &["Junior", "Playful", "First-year", "Little", "Growing"]),
            style("gentle", &["Gentle", "Senior", "Sensitive", "Calm", "Easy"]),
        ],
    },
];

/// The categories. Their order inside a department is the order in which a collection is usually bought.
pub(super) const CATEGORIES: [Category; 30] = [
    Category {
        name: "cookware",
        department: KITCHEN,
        nouns: &[
            Noun("Frying Pan", 85, PANS),
            Noun("Casserole", 150, LITRES),
            Noun("Saucepan", 90, LITRES),
            Noun("Wok", 100, PANS),
            Noun("Stockpot", 120, LITRES),
            Noun("Griddle Pan", 95, PANS),
            Noun("Roasting Tin", 80, TINS),
        ],
        materials: &["Cast Iron", "Stainless Steel", "Carbon Steel", "Enamelled", "Copper", "Ceramic-coated"],
        colours: &["Black", "Cream", "Cherry", "Sea Blue", "Steel"],
        tags: &["cooking", "hob"],
        median_cents: 5400,
        weight: 13,
        season: &FLAT,
        restock_days: 0,
        complements: &[("knives", 5), ("preserves-and-sauces", 4), ("tableware", 3)],
    },
    Category {
        name: "bakeware",
        department: KITCHEN,
        nouns: &[
            Noun("Cake Tin", 90, TINS),
            Noun("Loaf Tin", 85, TINS),
            Noun("Muffin Tray", 90, &["6 Cups", "12 Cups", "24 Cups"]),
            Noun("Pie Dish", 110, TINS),
            Noun("Mixing Bowl", 105, LITRES),
            Noun("Quiche Dish", 95, TINS),
            Noun("Flan Tin", 70, TINS),
        ],
        materials: &["Stoneware", "Tinned Steel", "Silicone", "Enamelled", "Glass", "Ceramic"],
        colours: &["White", "Mint", "Graphite", "Blush", "Cream"],
        tags: &["baking"],
        median_cents: 2100,
        weight: 10,
        season: &BAKING,
        restock_days: 0,
        complements: &[("baking-ingredients", 10), ("storage-jars", 2)],
    },
    Category {
        name: "knives",
        department: KITCHEN,
        nouns: &[
            Noun("Paring Knife", 55, BLADES),
            Noun("Chef's Knife", 130, BLADES),
            Noun("Bread Knife", 100, BLADES),
            Noun("Santoku Knife", 135, BLADES),
            Noun("Carving Knife", 120, BLADES),
            Noun("Cleaver", 125, BLADES),
            Noun("Steak Knives", 140, SETS),
        ],
        materials: &["Olive Wood", "Damascus", "Walnut", "Forged Steel", "Bamboo", "Ash"],
        colours: NONE,
        tags: &["cooking", "cutting"],
        median_cents: 4600,
        weight: 8,
        season: &FLAT,
        restock_days: 0,
        complements: &[("cookware", 6), ("barbecue", 2)],
    },
    Category {
        name: "coffee-makers",
        department: KITCHEN,
        nouns: &[
            Noun("French Press", 70, POTS),
            Noun("Moka Pot", 65, CUPS),
            Noun("Pour-over Set", 75, CUPS),
            Noun("Burr Grinder", 170, SHADES),
            Noun("Espresso Machine", 420, &["1 Group", "Dual Boiler"]),
            Noun("Milk Frother", 60, POTS),
            Noun("Gooseneck Kettle", 110, POTS),
        ],
        materials: &["Brushed", "Polished", "Hammered", "Stainless Steel", "Soft-touch", "Compact"],
        colours: METALS,
        tags: &["coffee", "brewing"],
        median_cents: 4900,
        weight: 8,
        season: &FLAT,
        restock_days: 0,
        complements: &[("coffee", 12), ("tableware", 3)],
    },
    Category {
        name: "teaware",
        department: KITCHEN,
        nouns: &[
            Noun("Teapot", 120, POTS),
            Noun("Tea Infuser", 40, SHADES),
            Noun("Tea Cups", 95, SETS),
            Noun("Tea Caddy", 65, SHADES),
            Noun("Tea Tray", 110, SHADES),
            Noun("Tea Kettle", 170, POTS),
        ],
        materials: &["Porcelain", "Cast Iron", "Glass", "Stoneware", "Bamboo", "Bone China"],
        colours: GLAZES,
        tags: &["tea", "brewing"],
        median_cents: 2900,
        weight: 7,
        season: &COSY,
        restock_days: 0,
        complements: &[("tea", 12), ("candles", 2)],
    },
    Category {
        name: "tableware",
        department: KITCHEN,
        nouns: &[
            Noun("Dinner Plate", 90, PLATES),
            Noun("Pasta Bowl", 95, PLATES),
            Noun("Mug", 70, MUGS),
            Noun("Tumblers", 110, SETS),
            Noun("Serving Platter", 170, PLATES),
            Noun("Cutlery", 260, SETS),
            Noun("Wine Glasses", 140, SETS),
            Noun("Carafe", 130, POTS),
        ],
        materials: &["Stoneware", "Porcelain", "Recycled Glass", "Enamel", "Earthenware", "Acacia"],
        colours: GLAZES,
        tags: &["dining", "table"],
        median_cents: 1900,
        weight: 14,
        season: &FLAT,
        restock_days: 0,
        complements: &[("candles", 4), ("cookware", 3), ("lighting", 2)],
    },
    Category {
        name: "storage-jars",
        department: KITCHEN,
        nouns: &[
            Noun("Storage Jar", 80, JARS),
            Noun("Preserving Jar", 60, JARS),
            Noun("Bread Bin", 280, SHADES),
            Noun("Spice Rack", 210, SHADES),
            Noun("Canister", 100, JARS),
            Noun("Larder Basket", 170, SHADES),
        ],
        materials: &["Glass", "Stoneware", "Bamboo-lidded", "Tin", "Cork-topped", "Seagrass"],
        colours: &["Clear", "Smoke", "Cream", "Green", "Black"],
        tags: &["storage", "larder"],
        median_cents: 1500,
        weight: 8,
        season: &FLAT,
        restock_days: 0,
        complements: &[("baking-ingredients", 5), ("preserves-and-sauces", 4)],
    },
    Category {
        name: "bedding",
        department: HOME,
        nouns: &[
            Noun("Duvet Cover", 115, BEDS),
            Noun("Fitted Sheet", 65, BEDS),
            Noun("Pillowcases", 55, SETS),
            Noun("Duvet", 150, BEDS),
            Noun("Bedspread", 140, BEDS),
            Noun("Mattress Topper", 210, BEDS),
        ],
        materials: &["Linen", "Organic Cotton", "Percale", "Sateen", "Jersey", "Flannel"],
        colours: TEXTILES,
        tags: &["bedroom", "sleep"],
        median_cents: 6200,
        weight: 11,
        season: &COSY,
        restock_days: 0,
        complements: &[("cushions-and-throws", 8), ("lighting", 3), ("laundry", 2)],
    },
    Category {
        name: "cushions-and-throws",
        department: HOME,
        nouns: &[
            Noun("Cushion Cover", 60, SQUARES),
            Noun("Cushion", 85, SQUARES),
            Noun("Throw", 150, THROWS),
            Noun("Blanket", 165, THROWS),
            Noun("Floor Pouffe", 230, SHADES),
        ],
        materials: &["Wool", "Velvet", "Linen", "Boucle", "Cotton Knit", "Mohair"],
        colours: TEXTILES,
        tags: &["living-room", "textiles"],
        median_cents: 3300,
        weight: 11,
        season: &COSY,
        restock_days: 0,
        complements: &[("candles", 5), ("bedding", 4), ("lighting", 3)],
    },
    Category {
        name: "lighting",
        department: HOME,
        nouns: &[
            Noun("Table Lamp", 90, SHADES),
            Noun("Floor Lamp", 170, SHADES),
            Noun("Pendant Light", 130, SHADES),
            Noun("Wall Light", 85, SHADES),
            Noun("Lampshade", 55, SHADES),
            Noun("Reading Lamp", 80, SHADES),
        ],
        materials: &["Rattan", "Opal Glass", "Linen", "Brass", "Paper", "Oak"],
        colours: METALS,
        tags: &["lamps", "living-room"],
        median_cents: 7900,
        weight: 9,
        season: &COSY,
        restock_days: 0,
        complements: &[("cushions-and-throws", 5), ("candles", 2)],
    },
    Category {
        name: "candles",
        department: HOME,
        nouns: &[
            Noun("Scented Candle", 110, HOURS),
            Noun("Pillar Candle", 75, HOURS),
            Noun("Tea Lights", 60, BAUBLES),
            Noun("Dinner Candles", 70, BAUBLES),
            Noun("Reed Diffuser", 140, MUGS),
            Noun("Lantern Candle", 90, HOURS),
        ],
        materials: &["Beeswax", "Cedar", "Fig", "Vanilla", "Sea Salt", "Amber", "Lavender"],
        colours: NONE,
        tags: &["fragrance", "consumable"],
        median_cents: 1700,
        weight: 10,
        season: &COSY,
        restock_days: 48,
        complements: &[("cushions-and-throws", 4), ("gift-hampers", 3), ("tableware", 2)],
    },
    Category {
        name: "christmas-decorations",
        department: HOME,
        nouns: &[
            Noun("Baubles", 90, BAUBLES),
            Noun("Fairy Lights", 110, METRES),
            Noun("Wreath", 160, SHADES),
            Noun("Garland", 105, METRES),
            Noun("Tree Topper", 80, SHADES),
            Noun("Advent Calendar", 130, SHADES),
            Noun("Nativity Figures", 170, SETS),
        ],
        materials: &["Glass", "Felt", "Straw", "Wooden", "Paper", "Mercury Glass"],
        colours: FESTIVE,
        tags: &["christmas", "winter"],
        median_cents: 1900,
        weight: 9,
        season: &CHRISTMAS,
        restock_days: 0,
        complements: &[("candles", 6), ("gift-hampers", 5), ("baking-ingredients", 3)],
    },
    Category {
        name: "garden-furniture",
        department: GARDENING,
        nouns: &[
            Noun("Garden Table", 130, SEATS),
            Noun("Garden Bench", 90, SEATS),
            Noun("Folding Chairs", 60, SETS),
            Noun("Lounger", 110, SHADES),
            Noun("Parasol", 65, &["2 m", "2.7 m", "3 m", "3.5 m"]),
            Noun("Lounge Set", 260, SEATS),
        ],
        materials: &["Acacia", "Teak", "Aluminium", "Rattan", "Eucalyptus", "Steel"],
        colours: OUTSIDE,
        tags: &["terrace", "summer"],
        median_cents: 18900,
        weight: 9,
        season: &TERRACE,
        restock_days: 0,
        complements: &[("barbecue", 7), ("planters", 6), ("cushions-and-throws", 2)],
    },
    Category {
        name: "barbecue",
        department: GARDENING,
        nouns: &[
            Noun("Kettle Barbecue", 210, SHADES),
            Noun("Fire Bowl", 160, PLANTS),
            Noun("Grill Tongs", 25, SHADES),
            Noun("Pizza Pan", 50, TINS),
            Noun("Smoker Box", 35, SHADES),
            Noun("Grill Basket", 35, SHADES),
            Noun("Chimney Starter", 30, SHADES),
        ],
        materials: &["Cast Iron", "Stainless Steel", "Enamelled", "Corten", "Steel"],
        colours: NONE,
        tags: &["grilling", "summer"],
        median_cents: 7400,
        weight: 8,
        season: &TERRACE,
        restock_days: 0,
        complements: &[("preserves-and-sauces", 8), ("garden-furniture", 3), ("knives", 2)],
    },
    Category {
        name: "planters",
        department: GARDENING,
        nouns: &[
            Noun("Planter", 100, PLANTS),
            Noun("Hanging Basket", 75, PLANTS),
            Noun("Window Box", 90, &["40 cm", "60 cm", "80 cm"]),
            Noun("Raised Bed", 260, &["80 cm", "120 cm", "180 cm"]),
            Noun("Herb Pot", 45, PLANTS),
            Noun("Plant Stand", 120, SHADES),
        ],
        materials: &["Terracotta", "Zinc", "Fibre-clay", "Larch", "Glazed", "Recycled"],
        colours: OUTSIDE,
        tags: &["plants", "terrace"],
        median_cents: 2600,
        weight: 10,
        season: &GARDEN,
        restock_days: 0,
        complements: &[("seeds-and-bulbs", 9), ("garden-tools", 5)],
    },
    Category {
        name: "seeds-and-bulbs",
        department: GARDENING,
        nouns: &[
            Noun("Tomato Seeds", 80, PACKETS),
            Noun("Herb Seeds", 85, PACKETS),
            Noun("Wildflower Mix", 110, PACKETS),
            Noun("Tulip Bulbs", 170, BAUBLES),
            Noun("Salad Seeds", 75, PACKETS),
            Noun("Bean Seeds", 85, PACKETS),
            Noun("Sunflower Seeds", 80, PACKETS),
        ],
        materials: &["Heirloom", "Early", "Dwarf", "Giant", "Hardy", "Mixed"],
        colours: NONE,
        tags: &["plants", "growing"],
        median_cents: 520,
        weight: 8,
        season: &GARDEN,
        restock_days: 0,
        complements: &[("planters", 6), ("garden-tools", 5)],
    },
    Category {
        name: "garden-tools",
        department: GARDENING,
        nouns: &[
            Noun("Hand Trowel", 60, SHADES),
            Noun("Secateurs", 120, SHADES),
            Noun("Watering Can", 100, &["1.5 l", "5 l", "9 l", "12 l"]),
            Noun("Spade", 160, SHADES),
            Noun("Dibber", 45, SHADES),
            Noun("Hand Fork", 60, SHADES),
            Noun("Hoe", 130, SHADES),
        ],
        materials: &["Ash-handled", "Stainless", "Galvanised", "Powder-coated", "Forged", "Copper"],
        colours: NONE,
        tags: &["growing", "tools"],
        median_cents: 2300,
        weight: 8,
        season: &GARDEN,
        restock_days: 0,
        complements: &[("seeds-and-bulbs", 7), ("planters", 5)],
    },
    Category {
        name: "tents",
        department: OUTDOOR,
        nouns: &[
            Noun("Tunnel Tent", 120, PERSONS),
            Noun("Dome Tent", 90, PERSONS),
            Noun("Tarp", 35, SHADES),
            Noun("Bell Tent", 190, PERSONS),
            Noun("Tent Footprint", 22, PERSONS),
            Noun("Awning", 60, SHADES),
        ],
        materials: &["Ripstop", "Cotton-blend", "Silnylon", "Recycled Polyester", "Canvas"],
        colours: TRAIL,
        tags: &["camping", "summer"],
        median_cents: 21900,
        weight: 6,
        season: &CAMPING,
        restock_days: 0,
        complements: &[("sleeping-bags", 10), ("camp-kitchen", 6), ("backpacks", 2)],
    },
    Category {
        name: "sleeping-bags",
        department: OUTDOOR,
        nouns: &[
            Noun("Sleeping Bag", 130, WARMTH),
            Noun("Sleeping Mat", 85, SHADES),
            Noun("Camping Pillow", 30, SHADES),
            Noun("Sleeping Bag Liner", 40, SHADES),
            Noun("Camp Blanket", 60, SHADES),
            Noun("Camping Quilt", 75, SHADES),
        ],
        materials: &["Down", "Recycled Fibre", "Merino", "Fleece", "Insulated"],
        colours: TRAIL,
        tags: &["camping", "sleep"],
        median_cents: 8900,
        weight: 6,
        season: &CAMPING,
        restock_days: 0,
        complements: &[("camp-kitchen", 5), ("tents", 4), ("backpacks", 3)],
    },
    Category {
        name: "camp-kitchen",
        department: OUTDOOR,
        nouns: &[
            Noun("Camping Stove", 150, SHADES),
            Noun("Cook Set", 120, PERSONS),
            Noun("Camp Mug", 40, MUGS),
            Noun("Vacuum Flask", 75, POTS),
            Noun("Cool Box", 170, &["12 l", "25 l", "40 l"]),
            Noun("Spork", 18, SETS),
            Noun("Camping Lantern", 90, SHADES),
        ],
        materials: &["Titanium", "Enamel", "Aluminium", "Stainless", "Folding"],
        colours: TRAIL,
        tags: &["camping", "cooking"],
        median_cents: 4300,
        weight: 7,
        season: &CAMPING,
        restock_days: 0,
        complements: &[("coffee", 4), ("preserves-and-sauces", 3), ("tents", 2)],
    },
    Category {
        name: "backpacks",
        department: OUTDOOR,
        nouns: &[
            Noun("Backpack", 130, PACKS),
            Noun("Daypack", 80, PACKS),
            Noun("Rain Cover", 25, PACKS),
            Noun("Dry Bag", 30, PACKS),
            Noun("Picnic Rucksack", 90, PERSONS),
            Noun("Hip Pack", 45, SHADES),
        ],
        materials: &["Canvas", "Ripstop", "Waxed Cotton", "Recycled Nylon", "Hemp"],
        colours: TRAIL,
        tags: &["hiking"],
        median_cents: 8400,
        weight: 7,
        season: &HIKING,
        restock_days: 0,
        complements: &[("camp-kitchen", 6), ("sleeping-bags", 4)],
    },
    Category {
        name: "coffee",
        department: PANTRY,
        nouns: &[
            Noun("Espresso Beans", 110, COFFEES),
            Noun("Filter Coffee", 100, COFFEES),
            Noun("Ground Coffee", 90, COFFEES),
            Noun("Decaf Beans", 115, COFFEES),
            Noun("Coffee Pods", 80, &["10 Pods", "30 Pods", "60 Pods"]),
            Noun("Cold Brew Blend", 105, COFFEES),
        ],
        materials: &[
            "Ethiopian",
            "Colombian",
            "Sumatran",
            "Dark Roast",
            "Guatemalan",
            "Hazelnut",
            "Chocolate",
        ],
        colours: NONE,
        tags: &["coffee", "consumable"],
        median_cents: 1290,
        weight: 13,
        season: &FLAT,
        restock_days: 28,
        complements: &[("coffee-makers", 5), ("preserves-and-sauces", 3), ("tableware", 2)],
    },
    Category {
        name: "tea",
        department: PANTRY,
        nouns: &[
            Noun("Black Tea", 90, TEAS),
            Noun("Green Tea", 105, TEAS),
            Noun("Herbal Infusion", 85, TEAS),
            Noun("Oolong", 140, TEAS),
            Noun("Chai", 95, TEAS),
            Noun("Rooibos", 85, TEAS),
        ],
        materials: &["Jasmine", "Bergamot", "Ginger", "Assam", "Mint", "Darjeeling", "Elderflower"],
        colours: NONE,
        tags: &["tea", "consumable"],
        median_cents: 890,
        weight: 10,
        season: &COSY,
        restock_days: 36,
        complements: &[("teaware", 6), ("preserves-and-sauces", 4)],
    },
    Category {
        name: "baking-ingredients",
        department: PANTRY,
        nouns: &[
            Noun("Flour", 70, FLOURS),
            Noun("Baking Chocolate", 130, SPREADS),
            Noun("Bread Mix", 95, FLOURS),
            Noun("Cane Sugar", 70, FLOURS),
            Noun("Ground Almonds", 150, SPREADS),
            Noun("Sourdough Starter", 110, SPREADS),
            Noun("Dried Fruit", 115, SPREADS),
        ],
        materials: &["Golden", "Alpine", "Artisan", "Belgian", "Provençal", "Fine", "Heirloom"],
        colours: NONE,
        tags: &["baking", "consumable"],
        median_cents: 560,
        weight: 10,
        season: &BAKING,
        restock_days: 40,
        complements: &[("bakeware", 7), ("storage-jars", 3)],
    },
    Category {
        name: "preserves-and-sauces",
        department: PANTRY,
        nouns: &[
            Noun("Jam", 80, SPREADS),
            Noun("Chutney", 90, SPREADS),
            Noun("Olive Oil", 220, BOTTLES),
            Noun("Pesto", 95, SPREADS),
            Noun("Barbecue Sauce", 90, BOTTLES),
            Noun("Honey", 130, SPREADS),
            Noun("Mustard", 75, SPREADS),
        ],
        materials: &[
            "Lemon",
            "Chilli",
            "Fig",
            "Smoked Garlic",
            "Rosemary",
            "Basil",
            "Truffle",
            "Orange Blossom",
        ],
        colours: NONE,
        tags: &["larder", "consumable"],
        median_cents: 690,
        weight: 11,
        season: &FLAT,
        restock_days: 44,
        complements: &[("storage-jars", 3), ("tableware", 3), ("coffee", 2)],
    },
    Category {
        name: "gift-hampers",
        department: PANTRY,
        nouns: &[
            Noun("Gift Hamper", 130, HAMPERS),
            Noun("Tasting Box", 80, HAMPERS),
            Noun("Breakfast Basket", 100, HAMPERS),
            Noun("Chocolate Selection", 60, HAMPERS),
            Noun("Picnic Hamper", 150, HAMPERS),
        ],
        materials: &[
            "Cheese and Chutney",
            "Chocolate",
            "Tea and Biscuit",
            "Coffee",
            "Italian",
            "Honey and Jam",
        ],
        colours: NONE,
        tags: &["gift"],
        median_cents: 4500,
        weight: 7,
        season: &GIFTS,
        restock_days: 0,
        complements: &[("candles", 6), ("christmas-decorations", 3), ("tea", 2)],
    },
    Category {
        name: "laundry",
        department: HOUSEHOLD,
        nouns: &[
            Noun("Laundry Liquid", 110, WASHES),
            Noun("Washing Powder", 100, WASHES),
            Noun("Fabric Softener", 70, WASHES),
            Noun("Laundry Sheets", 115, WASHES),
            Noun("Stain Soap", 45, SPREADS),
            Noun("Wool Wash", 95, WASHES),
        ],
        materials: &["Lavender", "Cotton Blossom", "Unscented", "Sea Breeze", "Citrus", "Linen"],
        colours: NONE,
        tags: &["laundry", "consumable"],
        median_cents: 1050,
        weight: 8,
        season: &FLAT,
        restock_days: 42,
        complements: &[("cleaning", 10), ("bedding", 2)],
    },
    Category {
        name: "cleaning",
        department: HOUSEHOLD,
        nouns: &[
            Noun("Dish Soap", 70, BOTTLES),
            Noun("Kitchen Cleaner", 85, BOTTLES),
            Noun("Dishwasher Tablets", 160, WASHES),
            Noun("Floor Cleaner", 95, BOTTLES),
            Noun("Hand Soap", 80, BOTTLES),
            Noun("Glass Cleaner", 80, BOTTLES),
        ],
        materials: &["Lemon", "Mint", "Eucalyptus", "Orange", "Rosemary", "Unscented"],
        colours: NONE,
        tags: &["cleaning", "consumable"],
        median_cents: 640,
        weight: 8,
        season: &FLAT,
        restock_days: 35,
        complements: &[("laundry", 9), ("storage-jars", 1)],
    },
    Category {
        name: "pet-food",
        department: PETS,
        nouns: &[
            Noun("Dry Dog Food", 130, SACKS),
            Noun("Dry Cat Food", 120, SACKS),
            Noun("Wet Cat Food", 70, TRAYS),
            Noun("Wet Dog Food", 80, TRAYS),
            Noun("Dog Treats", 40, SPREADS),
            Noun("Cat Treats", 35, SPREADS),
        ],
        materials: &["Salmon", "Chicken", "Duck", "Lamb", "Turkey", "Trout"],
        colours: NONE,
        tags: &["feeding", "consumable"],
        median_cents: 1850,
        weight: 9,
        season: &FLAT,
        restock_days: 24,
        complements: &[("pet-accessories", 10)],
    },
    Category {
        name: "pet-accessories",
        department: PETS,
        nouns: &[
            Noun("Dog Bed", 190, ANIMALS),
            Noun("Cat Basket", 160, ANIMALS),
            Noun("Pet Blanket", 90, ANIMALS),
            Noun("Dog Lead", 85, ANIMALS),
            Noun("Dog Toy", 50, ANIMALS),
            Noun("Scratching Mat", 75, ANIMALS),
        ],
        materials: &["Wool", "Hemp", "Tweed", "Waxed Cotton", "Recycled Felt", "Canvas"],
        colours: TEXTILES,
        tags: &["comfort"],
        median_cents: 2400,
        weight: 7,
        season: &FLAT,
        restock_days: 0,
        complements: &[("pet-food", 8)],
    },
];

const fn brand(name: &'static str, level: u8, categories: &'static [&'static str]) -> Brand {
    Brand { name, level, categories }
}

/// The brands; every category has some of each price level.
pub(super) const BRANDS: &[Brand] = &[
    brand("Pottery Lane", 0, &["tableware", "teaware", "storage-jars"]),
    brand("Kokvik", 0, &["cookware", "bakeware", "knives", "tableware"]),
    brand("Brew & Simple", 0, &["coffee-makers", "teaware"]),
    brand("Pantry Row", 0, &["storage-jars", "bakeware", "baking-ingredients"]),
    brand("Hearthwell", 1, &["cookware", "bakeware", "tableware"]),
    brand("Ferrovia", 1, &["cookware", "coffee-makers", "knives"]),
    brand("Maison Tillet", 1, &["tableware", "teaware", "storage-jars", "bakeware"]),
    brand("Oakmere", 1, &["knives", "storage-jars", "tableware"]),
    brand("Morgenkop", 1, &["coffee-makers", "teaware", "tableware"]),
    brand("Stahlquist", 2, &["knives", "cookware"]),
    brand("Atelier Brun", 2, &["tableware", "cookware", "bakeware"]),
    brand("Caffetta", 2, &["coffee-makers", "coffee"]),
    brand("Hanami House", 2, &["teaware", "tea"]),
    brand("Glass & Larder", 2, &["storage-jars", "tableware"]),
    brand("Linden Home", 0, &["bedding", "cushions-and-throws", "lighting"]),
    brand("Tidewick", 0, &["candles", "cushions-and-throws", "christmas-decorations"]),
    brand("Ljusbo", 0, &["lighting", "candles"]),
    brand("Snowberry", 0, &["christmas-decorations", "gift-hampers"]),
    brand("Nordhem", 1, &["bedding", "cushions-and-throws", "lighting", "christmas-decorations"]),
    brand("Wick & Wool", 1, &["candles", "cushions-and-throws"]),
    brand("Saltmarsh", 1, &["bedding", "candles", "lighting"]),
    brand("Tannenhaus", 1, &["christmas-decorations", "candles"]),
    brand("Lumen Loft", 2, &["lighting"]),
    brand("Villa Serena", 2, &["bedding", "cushions-and-throws", "candles"]),
    brand("Glockenspiel & Co", 2, &["christmas-decorations", "gift-hampers"]),
    brand("Greenrow", 0, &["planters", "garden-tools", "seeds-and-bulbs"]),
    brand("Sunnyside", 0, &["garden-furniture", "barbecue", "planters"]),
    brand("Thistle & Spade", 1, &["garden-tools", "seeds-and-bulbs", "planters"]),
    brand("Terra Verde", 1, &["planters", "garden-furniture"]),
    brand("Emberline", 1, &["barbecue", "garden-furniture"]),
    brand("Old Orchard Seeds", 1, &["seeds-and-bulbs"]),
    brand("Marlowe Garden", 2, &["garden-furniture", "planters", "garden-tools"]),
    brand("Glutwerk", 2, &["barbecue", "knives"]),
    brand("Kew Row", 2, &["seeds-and-bulbs", "garden-tools"]),
    brand("Campo", 0, &["tents", "sleeping-bags", "camp-kitchen"]),
    brand("Wayfarer", 0, &["backpacks", "sleeping-bags", "camp-kitchen"]),
    brand("Fellside", 1, &["tents", "sleeping-bags", "backpacks"]),
    brand("Kestrel Outdoor", 1, &["backpacks", "tents", "camp-kitchen"]),
    brand("Lagerfeuer", 1, &["camp-kitchen", "sleeping-bags", "barbecue"]),
    brand("Nordpass", 2, &["tents", "sleeping-bags", "backpacks"]),
    brand("Cairn Works", 2, &["backpacks", "camp-kitchen"]),
    brand("Daily Mill", 0, &["coffee", "tea", "baking-ingredients"]),
    brand("Good Shelf", 0, &["preserves-and-sauces", "baking-ingredients", "gift-hampers"]),
    brand("Harbour Roasters", 1, &["coffee"]),
    brand("Leaf & Ladle", 1, &["tea", "preserves-and-sauces"]),
    brand("Mühlbach", 1, &["baking-ingredients"]),
    brand("Casa Oliveto", 1, &["preserves-and-sauces", "gift-hampers"]),
    brand("Three Valleys", 1, &["coffee", "tea", "gift-hampers"]),
    brand("Finca Alta", 2, &["coffee"]),
    brand("Maison Confit", 2, &["preserves-and-sauces", "gift-hampers", "baking-ingredients"]),
    brand("Copper Kettle Tea", 2, &["tea", "gift-hampers"]),
    brand("Blank & Rein", 0, &["laundry", "cleaning"]),
    brand("Brightwater", 1, &["laundry", "cleaning"]),
    brand("Savonnerie Mistral", 2, &["laundry", "cleaning", "candles"]),
    brand("Clean Loop", 1, &["cleaning", "laundry"]),
    brand("Paws & Field", 0, &["pet-food", "pet-accessories"]),
    brand("Rufus & Mog", 1, &["pet-food", "pet-accessories"]),
    brand("Waldpfote", 1, &["pet-food"]),
    brand("Tail & Tweed", 2, &["pet-accessories", "pet-food"]),
];

/// The countries.
pub(super) const COUNTRIES: [Country; 8] = [
    Country {
        code: "DE",
        share: 24,
        style: 2,
        demand: &[
            ("coffee", 125),
            ("christmas-decorations", 140),
            ("baking-ingredients", 125),
            ("tents", 115),
        ],
    },
    Country {
        code: "GB",
        share: 18,
        style: 3,
        demand: &[("tea", 220), ("teaware", 180), ("coffee", 80), ("garden-tools", 130)],
    },
    Country {
        code: "FR",
        share: 15,
        style: 3,
        demand: &[("tableware", 135), ("preserves-and-sauces", 140), ("cookware", 130), ("tea", 80)],
    },
    Country {
        code: "NL",
        share: 11,
        style: 0,
        demand: &[("planters", 140), ("seeds-and-bulbs", 150), ("coffee-makers", 120), ("camp-kitchen", 125)],
    },
    Country {
        code: "SE",
        share: 10,
        style: 0,
        demand: &[("coffee", 165), ("candles", 170), ("lighting", 135), ("backpacks", 130), ("barbecue", 80)],
    },
    Country {
        code: "IT",
        share: 9,
        style: 5,
        demand: &[("coffee-makers", 170), ("coffee", 140), ("cookware", 120), ("tea", 60), ("tents", 75)],
    },
    Country {
        code: "PL",
        share: 8,
        style: 1,
        demand: &[("pet-food", 130), ("preserves-and-sauces", 120), ("bedding", 120), ("laundry", 120)],
    },
    Country {
        code: "IE",
        share: 5,
        style: 1,
        demand: &[("tea", 190), ("gift-hampers", 140), ("pet-accessories", 130), ("garden-furniture", 75)],
    },
];

/// Names of collections are made of two halves.
pub(super) const LINE_STARTS: &[&str] = &[
    "Sol", "Berg", "Hav", "Lin", "Mar", "Al", "Bri", "Cor", "El", "Fen", "Gal", "Har", "Is", "Kel", "Lo",
    "Mon", "Nor", "Ol", "Pel", "Ros", "Sel", "Tor", "Val", "Wes", "Ast", "Bel", "Dun", "Ever", "Frey", "Hol",
    "Jun", "Kar",
];
/// The second halves.
pub(super) const LINE_ENDS: &[&str] = &[
    "vang", "holm", "mere", "ea", "wick", "dale", "ora", "ina", "by", "stead", "moor", "etta", "field",
    "anne", "ton", "ira", "lund", "ford", "ello", "owen", "sund", "brook", "ane", "tera",
];

/// The place of a category's name in [`CATEGORIES`].
pub(super) fn category(name: &str) -> Option<usize> {
    CATEGORIES.iter().position(|category| category.name == name)
}
