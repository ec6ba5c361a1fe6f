"""The numbers of instances and of worlds as nested lists, to be compared with ==."""

from fractions import Fraction

TABLES = ("mu", "pi", "step_reward")


def numbers(instance):
    """Every number of an instance, as nested lists."""
    out = {name: getattr(instance, name).tolist() for name in ("initial", "reward")}
    for name in TABLES:
        levels = getattr(instance, name)
        out[name] = None if levels is None else [table.tolist() for table in levels]
    return out


def types(nested):
    if isinstance(nested, list | tuple | dict):
        nested = nested.values() if isinstance(nested, dict) else nested
        return set().union(*map(types, nested))
    return {type(nested)}


def expected(world, number=lambda x: x):
    """The numbers of a world, in the form of `numbers`; the reward of a step of a kernel is per successor."""

    def rewards(row):
        per_successor = world.kind == "kernel"
        return [[x] if per_successor and isinstance(x, Fraction) else x for x in row]

    steps = None if world.steps is None else [[rewards(row) for row in level] for level in world.steps]
    tables = {"initial": world.initial, "reward": world.final_reward, "mu": world.mu, "pi": world.pi}
    return as_lists({**tables, "step_reward": steps}, number)


def as_lists(nested, number):
    if isinstance(nested, dict):
        return {key: as_lists(item, number) for key, item in nested.items()}
    if isinstance(nested, list | tuple):
        return [as_lists(item, number) for item in nested]
    return nested if nested is None else number(nested)
