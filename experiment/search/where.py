"""Conditions on hyperparameters, as text, and the combinations that they leave.

Comparisons, arithmetic, `and`, `or`, `not` and `in` have Python's meaning.

The text is not run: Python's parser gives the tree, `tree` refuses all but a few kinds of nodes, `value` knows these.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, get_args

from experiment.axes import AXES, Combination
from experiment.errors import InputError
from experiment.search.space import points
from experiment.values import suggestion

if TYPE_CHECKING:
    from experiment.config import Experiment

OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.In: lambda one, many: one in many, ast.NotIn: lambda one, many: one not in many,
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Not: operator.not_, ast.USub: operator.neg,
}  # fmt: skip
TEXTS = tuple(
    text for name, axis in AXES.items() if axis.scale == "category"
    for text in get_args(Combination.model_fields[name].annotation)
)  # fmt: skip
KINDS = (
    ast.Name, ast.Constant, ast.Tuple, ast.List, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.And, ast.Or,
    ast.Load, *OPERATORS,
)  # fmt: skip


@cache
def tree(text: str) -> ast.expr:
    """The tree of a condition; ValueError unless it is one, with axes and no other names."""
    try:
        condition = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise ValueError(f"it cannot be read ({getattr(error, 'msg', error)})") from None
    known = f"the axes are {', '.join(AXES)}; texts are quoted"
    named = [node.id for node in ast.walk(condition) if isinstance(node, ast.Name)]
    for node in ast.walk(condition):
        number_or_text = not isinstance(node, ast.Constant) or isinstance(node.value, int | float | str)
        if not isinstance(node, KINDS) or not number_or_text:
            raise ValueError("it may have axes, numbers, texts, comparisons, + - * /, and, or, not, in, ( ) and [ ]")
    for name in named:
        if name not in AXES:
            raise ValueError(f"{name} is no axis: {suggestion(name, AXES) or known}")
    if not named:
        raise ValueError(f"it names no axis; {known}")
    for node in ast.walk(condition):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in TEXTS:
            raise ValueError(f"{node.value} is no text of an axis: {suggestion(node.value, TEXTS) or ' '.join(TEXTS)}")
    check_truth(condition)
    return condition


def check_truth(node: ast.expr) -> None:
    """ValueError unless a tree is true or false: `alpha == 0 or 0.1` and `alpha == 0,1` would always be true."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                check_truth(part)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            check_truth(operand)
        case ast.Compare():
            pass
        case _:
            raise ValueError(f"{ast.unparse(node)} is neither true nor false: write a comparison, such as momentum > 0")


def value(node: ast.expr, given: Mapping[str, Any]) -> Any:
    """The value of a tree for these values of the axes; TypeError or ArithmeticError as in Python."""
    match node:
        case ast.Constant(value=constant):
            return constant
        case ast.Name(id=name):
            return given[name]
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return [value(part, given) for part in parts]
        case ast.UnaryOp(op=op, operand=operand):
            result = value(operand, given)
            return OPERATORS[type(op)](result if isinstance(op, ast.Not) else number(result))
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](number(value(left, given)), number(value(right, given)))
        case ast.Compare(left=left, ops=ops, comparators=others):
            before = value(left, given)
            for comparison, other in zip(ops, others, strict=True):
                if not OPERATORS[type(comparison)](before, after := value(other, given)):
                    return False
                before = after
            return True
        case ast.BoolOp(op=op, values=parts):
            for part in parts:
                result = value(part, given)
                if bool(result) is isinstance(op, ast.Or):
                    break
            return result
    raise TypeError(f"{ast.unparse(node)} is not of the language")


def number(given: Any) -> float:
    """The number in floating point; TypeError for texts and lists, whose products could fill the memory."""
    if not isinstance(given, int | float):
        raise TypeError(f"{given} is no number")
    return float(given)


def condition(text: str) -> str:
    """The text; ValueError if it is no condition."""
    tree(text)
    return text


def holds(where: str, combination: Combination) -> bool:
    """Whether a condition holds; InputError if it cannot be computed."""
    try:
        return bool(value(tree(where), combination.model_dump()))
    except (TypeError, ArithmeticError, RecursionError) as error:
        raise InputError(f"where: {where} cannot be computed for {combination}: {error}") from None


@lru_cache(maxsize=8)  # they are asked for often, by the display of progress twice a second
def combinations(experiment: "Experiment") -> tuple[Combination, ...]:
    """The combinations of the grids, in order, without those that `where` leaves out (unused with `trials`)."""
    found: list[Combination] = []
    for part in experiment.grids or [()]:
        given = {name: one if isinstance(one, tuple) else (one,) for name, one in part if one is not None}
        every = points({**experiment.space, **given})
        found += [Combination(**dict(zip(AXES, point, strict=True))) for point in every]
    return tuple(one for one in found if experiment.where is None or holds(experiment.where, one))
