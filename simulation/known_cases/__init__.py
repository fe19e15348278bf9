"""Cases of public record, played again from what their documents say: ``docs/known-cases.md``."""
