"""The many small shapes of a picture, written at once: a template's loop takes far longer."""

from __future__ import annotations

from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from moderation.pictures import Bar, Node
from signals.networks import Kind

register = template.Library()

_SHAPES: dict[Kind, str] = {
    Kind.CHILD: '<circle r="11"/>',
    Kind.ADULT: '<rect x="-9" y="-9" width="18" height="18"/>',
    Kind.UNKNOWN: '<path d="M0-11L11 0L0 11L-11 0z"/>',
}
# Hatched, not only of another colour: the pattern is in the timeline's template
_FILLS = {"refused": ' fill="url(#hatch)"'}
_FLAG = '<path class="net-flag" d="M7-7V-17L15-14L7-11"/>'


@register.simple_tag
def network_nodes(nodes: list[Node]) -> SafeString:
    """Everybody around the account: shape by age, class by link, a flag where flagged itself."""
    return mark_safe("".join(map(_node, nodes)))  # noqa: S308 - each part is escaped or our own


@register.simple_tag
def timeline_bars(bars: list[Bar]) -> SafeString:
    """First contacts as columns, each with what became of them."""
    return mark_safe("".join(map(_bar, bars)))  # noqa: S308 - each part is escaped or our own


def _bar(bar: Bar) -> str:
    parts = "".join(
        f'<rect class="tl-bar tl-bar--{escape(link)}"{_FILLS.get(link, "")} x="{bar.x}" y="{y}"'
        f' width="{bar.width}" height="{height}"/>'
        for link, y, height in bar.parts
    )
    later = ' class="is-later"' if bar.later else ""
    told = escape(bar.title)
    return f'<g data-since="{bar.since}" data-told="{told}"{later}><title>{told}</title>{parts}</g>'


def _node(node: Node) -> str:
    person = node.contact.person
    mark = escape(person.mark)
    steps = f' data-steps="{escape(node.steps)}"' if node.steps else ""
    long_ = ' class="long"' if len(person.mark) > 2 else ""
    return (
        f'<g class="net-node net-node--{escape(node.shown)}"'
        f' data-who="{escape(person.name)}"{steps}'
        f' transform="translate({node.x} {node.y})"><title>{escape(node.title)}</title>'
        f"{_SHAPES[person.kind]}{_FLAG if node.flagged else ''}"
        f'<text{long_} dy="0.35em">{mark}</text></g>'
    )
