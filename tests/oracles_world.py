"""What the oracles run on: a tree, an automaton or a kernel in plain tuples, and its complete trajectories.

A trajectory is a prompt and one (action, successor) per position. Position t = 1..T of the paper is level
t - 1; level T holds the final states. Nothing here imports numpy or the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, NamedTuple

Row = tuple[Fraction, ...]
Policy = tuple[tuple[Row, ...], ...]  # [level][state][action]
Successors = tuple[tuple[Fraction, int], ...]  # (probability, next state), zero probabilities allowed
StepReward = Fraction | Row  # one number per action, or one per successor

ZERO, ONE = Fraction(0), Fraction(1)


def total(values: Iterable[Fraction]) -> Fraction:
    """Sum, a Fraction also when there is nothing to add."""
    return sum(values, ZERO)


def product(values: Iterable[Fraction]) -> Fraction:
    """Product, a Fraction also when there is nothing to multiply."""
    result = ONE
    for value in values:
        result *= value
    return result


class Step(NamedTuple):
    """One position: at `state` of `level` the action, the successor's index, its chance and its state."""

    level: int
    state: int
    action: int
    branch: int
    chance: Fraction
    next_state: int


@dataclass(frozen=True)
class Trajectory:
    """One complete response: its positions, probabilities under mu and pi, ratios and return."""

    states: tuple[int, ...]  # s_1..s_T and the final state
    steps: tuple[Step, ...]
    prob_mu: Fraction
    prob_pi: Fraction
    ratios: Row
    total_reward: Fraction


@dataclass(frozen=True)
class World:
    """One instance: `links[t][s][a]` lists the successors and is None on a tree (child s * V + a)."""

    kind: Literal["tree", "automaton", "kernel"]
    horizon: int
    actions: int
    initial: Row
    mu: Policy
    pi: Policy
    final_reward: Row
    links: tuple[tuple[tuple[Successors, ...], ...], ...] | None = None
    steps: tuple[tuple[tuple[StepReward, ...], ...], ...] | None = None
    end: tuple[int, ...] = ()  # trees: the end tokens already written into mu and pi
    stationary: bool = False  # the same links at every level

    @property
    def is_tree(self) -> bool:
        return self.kind == "tree"

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of states of the levels 0..T."""
        return (*(len(table) for table in self.mu), len(self.final_reward))

    def successors(self, t: int, s: int, a: int) -> Successors:
        return ((ONE, s * self.actions + a),) if self.links is None else self.links[t][s][a]

    def step_reward(self, t: int, s: int, a: int, k: int) -> Fraction:
        if self.steps is None:
            return ZERO
        reward = self.steps[t][s][a]
        return reward if isinstance(reward, Fraction) else reward[k]

    @cached_property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """All trajectories from possible prompts through possible successors."""
        return tuple(
            _trajectory(self, prompt, steps)
            for prompt, chance in enumerate(self.initial)
            if chance > 0
            for steps in walks(self, 0, prompt)
        )


def tree_world(initial: Sequence[Any], mu: Any, pi: Any, reward: Sequence[Any]) -> World:
    """A tree from nested lists of anything `Fraction` accepts (the golden instance files)."""

    def exact(tables: Any) -> Policy:
        return tuple(tuple(tuple(Fraction(p) for p in row) for row in table) for table in tables)

    first, final = tuple(map(Fraction, initial)), tuple(map(Fraction, reward))
    return World("tree", len(mu), len(mu[0][0]), first, exact(mu), exact(pi), final)


# --- trajectories -----------------------------------------------------------------------------------------


def walks(world: World, t: int, s: int) -> Iterator[tuple[Step, ...]]:
    """Every way to continue from state s of level t to the end: all actions, all possible successors."""
    if t == world.horizon:
        yield ()
        return
    for a in range(world.actions):
        for k, (chance, following) in enumerate(world.successors(t, s, a)):
            if chance > 0:
                for rest in walks(world, t + 1, following):
                    yield (Step(t, s, a, k, chance, following), *rest)


def probability(steps: Iterable[Step], policy: Policy) -> Fraction:
    """Probability of a walk given its first state."""
    return product(policy[x.level][x.state][x.action] * x.chance for x in steps)


def reward_to_go(world: World, s: int, steps: tuple[Step, ...]) -> Fraction:
    """Rewards of a walk that starts in s, the final reward included."""
    last = steps[-1].next_state if steps else s
    return (
        total(world.step_reward(x.level, x.state, x.action, x.branch) for x in steps)
        + world.final_reward[last]
    )


def ratio(world: World, x: Step) -> Fraction:
    """rho_t = pi / mu at the drawn token; 1 where both are 0."""
    mu, pi = world.mu[x.level][x.state][x.action], world.pi[x.level][x.state][x.action]
    return ONE if mu == pi == 0 else pi / mu


def _trajectory(world: World, prompt: int, steps: tuple[Step, ...]) -> Trajectory:
    return Trajectory(
        states=(prompt, *(x.next_state for x in steps)),
        steps=steps,
        prob_mu=world.initial[prompt] * probability(steps, world.mu),
        prob_pi=world.initial[prompt] * probability(steps, world.pi),
        ratios=tuple(ratio(world, x) for x in steps),
        total_reward=reward_to_go(world, prompt, steps),
    )


def reachable_trajectories(world: World) -> list[Trajectory]:
    """The trajectories of positive mu-probability."""
    return [y for y in world.trajectories if y.prob_mu > 0]
