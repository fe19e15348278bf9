"""Readers of `Secret` and `SecretText`."""

from pipeline.secrets import Secret, SecretError, SecretText, password_in_url
from pipeline.structured.scalars import ScalarReader
from pipeline.structured.walk import INVALID, Walk, Where
from pipeline.yaml_nodes import Node, ScalarNode
from pipeline.yaml_scalars import meaning


class SecretReader(ScalarReader):
    """A reference, or text with references. What stands there in clear is never shown."""

    secret = True

    def __init__(self, cls: type[SecretText]) -> None:
        self._cls = cls

    @property
    def expected(self) -> str:
        if issubclass(self._cls, Secret):
            return "a reference to a secret: ${env:NAME} or ${file:PATH}"
        return "text, with secrets as ${env:NAME} or ${file:PATH}"

    def read(self, node: Node, where: Where, walk: Walk) -> object:
        if not isinstance(node, ScalarNode):
            return self.wrong_type(node, where, walk)
        if not node.text or (node.plain and meaning(node) is None):
            return self.wrong_type(node, where, walk)
        try:
            secret = self._cls(node.text, folder=walk.folder, resolver=walk.secrets)
        except SecretError as error:
            if "${" not in node.text or error.code == "secret/plain-text":
                walk.mask(node)
            return _report(error, node, where, walk)
        if not secret.references:
            walk.mask(node)
        if password_in_url(node.text):
            walk.mask(node)
            return walk.report(
                node,
                where,
                "secret/plain-text",
                "the password in this URL stands in the file",
                expected="a reference in its place: user:${env:NAME}@host",
                advice="if this is a real password, take it as exposed and have it replaced",
            )
        return self._resolved(secret, node, where, walk)

    def _resolved(self, secret: SecretText, node: ScalarNode, where: Where, walk: Walk) -> object:
        if walk.resolve == "later":
            return secret

        def warn(message: str, advice: str) -> None:
            walk.report(node, where, "secret/exposed", message, severity="warning", advice=advice)

        try:
            secret.reveal(warn)
        except SecretError as error:
            if walk.resolve == "now":
                return _report(error, node, where, walk)
            _report(error, node, where, walk, severity="warning")
        return secret


def _report(
    error: SecretError, node: ScalarNode, where: Where, walk: Walk, severity: str = "error"
) -> object:
    walk.report(
        node,
        where,
        error.code,
        error.message,
        severity=severity,
        expected=error.expected,
        hint=error.hint,
        advice=error.advice,
    )
    return INVALID
