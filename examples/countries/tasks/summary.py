"""The second step: what one line of the countries job says about its country. Standard library only."""


def density(country):
    """Hemisphere and land area per tile of one country (a line of results/countries.ndjson)."""
    longitude, latitude = country["centroid"]
    tiles = len(country["tiles"])
    return {
        "name": country["name"],
        "hemisphere": ("N" if latitude >= 0 else "S") + ("E" if longitude >= 0 else "W"),
        "tiles": tiles,
        # Small islands share a tile with a lot of sea, so their figure is low.
        "km2_per_tile": round(country["areaKm2"] / tiles, 1),
    }
