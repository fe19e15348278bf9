"""The breaches of an offering's terms, by name."""

from simulation.abusers import offering_breaches as breaches
from simulation.abusers.offering_stage import OfferingBreach

# Who gathers or hands out much of a small supply does so by large transfers.
_MOVED = ("concentration", "large_transfers", "structuring", "transfer_restrictions")

OFFERING_BREACHES = {
    one.name: one
    for one in (
        OfferingBreach(
            name="too-many-purchasers",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.506(b)(2)(i)",
            market="reg-d-506b",
            play=breaches.too_many_purchasers,
        ),
        OfferingBreach(
            name="resold-early",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.144(d)",
            market="reg-d-506b",
            play=breaches.resold_early,
        ),
        OfferingBreach(
            name="affiliate-dribbles",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.144(e)",
            market="registered",
            play=breaches.affiliate_dribbles,
        ),
        OfferingBreach(
            name="reg-s-flow-back",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.903(b)(3)",
            market="reg-s",
            play=breaches.flowed_back,
        ),
        OfferingBreach(
            name="reg-a-over-own-limit",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.251(d)(2)(i)(C)",
            market="reg-a-tier2",
            play=breaches.over_own_limit,
        ),
        OfferingBreach(
            name="reg-a-tier1-over-cap",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.251(a)(1)",
            market="reg-a-tier1",
            play=breaches.over_the_cap,
        ),
        OfferingBreach(
            name="reg-a-tier2-over-cap",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 230.251(a)(2)",
            market="reg-a-tier2",
            play=breaches.over_the_cap,
        ),
        OfferingBreach(
            name="reg-cf-over-cap",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 227.100(a)(1)",
            market="reg-cf",
            play=breaches.over_the_cap,
        ),
        OfferingBreach(
            name="reg-cf-resold",
            typology="offering_rules",
            accepted=_MOVED,
            source="17 CFR 227.501(a)",
            market="reg-cf",
            play=breaches.crowd_resold,
        ),
        OfferingBreach(
            name="eu-offer-to-150",
            typology="offering_rules",
            accepted=_MOVED,
            source="Regulation 2017/1129, 1(4)(b)",
            market="eu-offer",
            play=breaches.too_many_in_a_state,
        ),
        OfferingBreach(
            name="mica-offer-to-150",
            typology="offering_rules",
            accepted=_MOVED,
            source="MiCA 4(2)(a)",
            market="mica-offer",
            play=breaches.too_many_in_a_state,
        ),
        OfferingBreach(
            name="sold-to-country",
            typology="offering_rules",
            accepted=_MOVED,
            source="15 USC 77e",
            market="eu-offer",
            play=breaches.sold_to_country,
        ),
        OfferingBreach(
            name="sold-under-embargo",
            typology="sanctions",
            accepted=_MOVED,
            source="31 CFR 510, 515, 560",
            market="eu-offer",
            play=breaches.sold_under_embargo,
        ),
        OfferingBreach(
            name="too-many-holders",
            typology="offering_rules",
            accepted=_MOVED,
            source="Exchange Act 12(g)(1)(A)",
            market="many-holders",
            play=breaches.too_many_holders,
            episodes=1,
        ),
        OfferingBreach(
            name="owns-too-much",
            typology="offering_rules",
            counts=("concentration",),
            accepted=_MOVED,
            source="Exchange Act 13(d); 17 CFR 240.13d-1",
            market="registered",
            play=breaches.owns_too_much,
            episodes=3,
        ),
        OfferingBreach(
            name="lock-up-broken",
            typology="offering_rules",
            accepted=_MOVED,
            source="FINRA 5110(e)",
            market="registered",
            play=breaches.lock_up_broken,
        ),
        OfferingBreach(
            name="listed-later",
            typology="sanctions",
            accepted=_MOVED,
            source="50 USC 1705; 31 CFR 501.603",
            market="registered",
            play=breaches.listed_later,
        ),
    )
}
