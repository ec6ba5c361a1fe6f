"""The training loop: rollouts, advantages, U updates under a trust-region rule, many seeds at once.

One round draws responses from mu = the policy as it is, forms advantages, and takes U steps, each on its own
minibatch, so that the u-th step is u - 1 steps stale.  A step ascends sum_t A_t g_t log pi(y_t|s_t), summed
over tokens and averaged over responses, with the g_t of a rule of `cppo_theory.rules`; the rule, its
divergences and the returns are the package's.  Population mode takes all responses, weighted by mu.

Source: arXiv:2606.10968v2, Eq. (11), Section 4 (group-relative advantages, no KL, no entropy bonus).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cppo_theory.rules import Decision, TokenBatch
from simulations.optimizers import Step
from simulations.policies import Policy, log_softmax, over_actions
from simulations.source import Tables
from simulations.world import Rollouts, World, draws, enumerate_responses, sample

Array = Any
Rule = Callable[[TokenBatch], Decision]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Parameters
    ----------
    rounds, updates : int
        Rollout rounds, and steps U per round.
    prompts, group : int
        Prompts per minibatch, and responses per prompt.
    aggregation : str
        ``sum`` over tokens (default), ``sequence`` mean, or mean over all ``token``s of the minibatch; then
        the mean over responses.
    population : bool
        All responses weighted by mu, advantages R - J(mu | prompt), in place of a sample.
    """

    rounds: int = 32
    updates: int = 16
    prompts: int = 4
    group: int = 8
    aggregation: str = "sum"
    population: bool = False

    @property
    def size(self) -> int:
        """Responses of a minibatch."""
        return self.prompts * self.group


@dataclass(frozen=True, eq=False)
class Round:
    """A round's responses, their advantages (N, n) and weights (N, n); weights of a minibatch sum to 1."""

    rollouts: Rollouts
    advantage: Array
    weight: Array

    def part(self, columns: slice) -> Round:
        """Some of the responses of every seed."""
        return Round(self.rollouts.part(columns), self.advantage[:, columns], self.weight[:, columns])


@dataclass(frozen=True, eq=False)
class Update:
    """One step: its minibatch, what the rule decided on it, and the gradient of the parameters."""

    minibatch: Round
    batch: TokenBatch
    decision: Decision
    slopes: list[Array]


AGGREGATIONS = ("sum", "sequence", "token")

Watch = Callable[[int, Array, Array, list[Update]], None]


@dataclass(frozen=True, eq=False)
class Trainer:
    """A world, a rule, an optimiser and settings; `train` runs them.

    Parameters
    ----------
    watch : function of (round, log_mu, log_pi, updates), optional
        Called after every round with both policies (N, R, V) and the round's updates.
    """

    world: World
    rule: Rule
    optimizer: Step
    settings: Settings
    watch: Watch | None = None

    def train(self, policy: Policy, seeds: Sequence[int]) -> Policy:
        """Train one policy per seed; changes and returns ``policy``."""
        every, settings = np.arange(self.world.rows), self.settings
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a seed that diverges stays NaN
            for index in range(settings.rounds):
                log_mu = log_softmax(policy.logits(every)[0])
                drawn = self.roll_out(log_mu, seeds, index)
                updates = []
                for u in range(settings.updates):
                    updates.append(self.update(policy, log_mu, self.minibatch(drawn, u)))
                    policy.parameters = self.optimizer(policy.parameters, updates[-1].slopes)
                if self.watch is not None:
                    self.watch(index, log_mu, log_softmax(policy.logits(every)[0]), updates)
        return policy

    def roll_out(self, log_mu: Array, seeds: Sequence[int], index: int) -> Round:
        """The responses of a round; their draws depend on the seed and the round alone."""
        settings, world = self.settings, self.world
        if settings.population:
            rollouts = enumerate_responses(world).repeated(len(seeds))
            logp = np.where(rollouts.mask, at_tokens(log_mu, rollouts), 0.0).sum(-1)
            weight = world.initial[rollouts.prompt] * np.exp(logp)
            return Round(rollouts, centred(rollouts, weight), weight)
        shape = (settings.updates * settings.size, world.horizon + 1)
        rollouts = sample(world, np.exp(log_mu), draws(seeds, (1, index), shape), settings.group)
        weight = np.full(rollouts.reward.shape, 1.0 / settings.size)
        return Round(rollouts, group_relative(rollouts.reward, settings.group), weight)

    def minibatch(self, drawn: Round, u: int) -> Round:
        """The responses of update u."""
        if self.settings.population:
            return drawn
        return drawn.part(slice(u * self.settings.size, (u + 1) * self.settings.size))

    def update(self, policy: Policy, log_mu: Array, minibatch: Round) -> Update:
        """The gradient of one minibatch under the rule."""
        logits, pullback = policy.logits(np.arange(self.world.rows))
        log_pi, rollouts = log_softmax(logits), minibatch.rollouts
        batch = token_batch(log_mu, log_pi, minibatch)
        decision = self.rule(batch)
        share = shares(rollouts, minibatch.weight, self.settings.aggregation)
        g = decision.rows_g.reshape(rollouts.row.shape)
        slopes = logit_slopes(log_pi, rollouts, g * (minibatch.advantage * share)[..., None])
        return Update(minibatch, batch, decision, pullback(slopes))


def token_batch(log_mu: Array, log_pi: Array, minibatch: Round) -> TokenBatch:
    """The tokens of all seeds as one batch, rows N n, with the divergences of the whole distributions."""
    rollouts, flat = minibatch.rollouts, (-1, minibatch.rollouts.row.shape[-1])
    return TokenBatch(
        at_tokens(log_mu, rollouts).reshape(flat),
        at_tokens(log_pi, rollouts).reshape(flat),
        minibatch.advantage.reshape(-1, 1),
        rollouts.mask.reshape(flat),
        source=Tables(log_mu, log_pi, rollouts.row),
        holes=False,
    )


def group_relative(reward: Array, group: int) -> Array:
    """(R - mean)/(std + 1e-6) within each group, 0 where a group has no variance; (N, n).

    Source: arXiv:2606.10968v2, Section 4.
    """
    groups = reward.reshape(len(reward), -1, group)
    constant = groups.max(-1, keepdims=True) == groups.min(-1, keepdims=True)  # rounding is no variance
    gap = np.where(constant, 0.0, groups - groups.mean(-1, keepdims=True))
    return np.asarray((gap / (groups.std(-1, keepdims=True) + 1e-6)).reshape(reward.shape))


def centred(rollouts: Rollouts, weight: Array) -> Array:
    """R - J(mu | prompt), the mean over all responses to the prompt; 0 where mu gives one reward; (N, n)."""
    out = np.zeros_like(rollouts.reward)
    for prompt in np.unique(rollouts.prompt):
        here = rollouts.prompt == prompt
        mass = np.where(here, weight, 0.0)
        mean = (mass * rollouts.reward).sum(-1, keepdims=True) / mass.sum(-1, keepdims=True)
        least, most = (
            end(np.where(mass > 0, rollouts.reward, outside), axis=-1, keepdims=True)
            for end, outside in ((np.min, np.inf), (np.max, -np.inf))
        )
        mean = np.where(least == most, least, mean)  # rounding is no advantage
        out = np.where(here, rollouts.reward - mean, out)
    return out


def shares(rollouts: Rollouts, weight: Array, aggregation: str) -> Array:
    """Weight of each of a response's tokens in the objective; (N, n)."""
    length = rollouts.mask.sum(-1)
    match aggregation:
        case "sum":
            return weight
        case "sequence":
            return weight / length
        case "token":
            return weight / (weight * length).sum(-1, keepdims=True)
    raise ValueError(f"aggregation: found {aggregation!r}; sum, sequence or token is required")


def logit_slopes(log_pi: Array, rollouts: Rollouts, coefficient: Array) -> Array:
    """Gradient of sum c log pi(y_t|s_t) with respect to the logits, (N, R, V)."""
    seeds, rows, actions = log_pi.shape
    cell = rollouts.row + rows * np.arange(seeds)[:, None, None]
    c = np.where(rollouts.mask, coefficient, 0.0)
    chosen = np.bincount((cell * actions + rollouts.token).ravel(), c.ravel(), seeds * rows * actions)
    chosen = chosen.reshape(log_pi.shape)
    return np.asarray(chosen - over_actions(np.add, chosen) * np.exp(log_pi))


def at_tokens(table: Array, rollouts: Rollouts) -> Array:
    """Entries of (N, R, V) at the tokens of the responses, (N, n, T)."""
    return np.asarray(table[np.arange(len(table))[:, None, None], rollouts.row, rollouts.token])
