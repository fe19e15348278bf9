"""What of a person's data a sink gets."""

from msgspec import Struct, field

from pipeline.personal_data import MaskAction, Personal
from pipeline.secrets import Secret


class Mask(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a sink gets of persons. `hash`: the same text for the same value, by a secret key.

    Without it a sink gets everything. The classes of the fields are in the field reference.
    """

    #: Of the hashes, 16 bytes or more. Another one for each sink keeps them from being compared.
    key: Secret | None = None
    #: Pseudonymous ids of investors and clusters.
    identity: MaskAction = "keep"
    #: Addresses on a chain, but not those of tokens and pools.
    wallet: MaskAction = "keep"
    #: Accounts at venues.
    account: MaskAction = "keep"
    #: Jurisdiction, accreditation, labels. Prefer `drop`: so few values are soon guessed.
    attribute: MaskAction = "keep"
    #: Authors of rules, operators.
    staff: MaskAction = "keep"
    #: Reasons and messages. `hash`: what is masked elsewhere is masked in them; the default then.
    text: MaskAction | None = None
    #: Data as contracts logged it. Dropped by default where wallets are masked.
    encoded: MaskAction | None = None
    #: Single fields by their ECS name; they go before the classes.
    fields: dict[str, MaskAction] = field(default_factory=dict[str, MaskAction])

    def action(self, personal: Personal) -> MaskAction:
        """What becomes of the fields of a class; of ``mixed`` each value is looked at by itself."""
        match personal:
            case "identity":
                return self.identity
            case "wallet":
                return self.wallet
            case "account":
                return self.account
            case "attribute":
                return self.attribute
            case "staff":
                return self.staff
            case "text":
                return self.text or ("hash" if self.masks_anything else "keep")
            case "encoded":
                return self.encoded or ("keep" if self.wallet == "keep" else "drop")
            case "mixed":
                return "keep"

    @property
    def masks_anything(self) -> bool:
        """Whether it masks a class or a field."""
        classes = (self.identity, self.wallet, self.account, self.attribute, self.staff)
        return any(one != "keep" for one in (*classes, *self.fields.values()))

    @property
    def hashes(self) -> bool:
        """Whether it has anything to hash, and so needs the key. Texts name what others hash."""
        classes = (self.identity, self.wallet, self.account, self.attribute, self.staff)
        return "hash" in (*classes, self.encoded, *self.fields.values())
