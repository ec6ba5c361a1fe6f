"""Verifiers written from the descriptions of the tasks: what a reader of prompt and alphabet would pay.

Each takes the task (of which it reads parameters and words only), the prompt and the tokens as words, and
returns the reward and the length of the response: how many tokens it has before everything is padding.
"""

from fractions import Fraction
from functools import cache

from cppo_theory.tasks import Task, task

F = Fraction


def password(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    _, _, secret = prompt.partition(": ")
    return spelled(made, secret.split(), words)


def spelled(made: Task, answer: list[str], words: list[str]) -> tuple[Fraction, int]:
    """The share of the answer's tokens that are in place, or all or nothing."""
    right = [i < len(words) and words[i] == token for i, token in enumerate(answer)]
    reward = F(sum(right), len(right)) if made.parameters["credit"] == "partial" else F(all(right))
    return reward, min(len(words), len(answer))


def modular_sum(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    asked = int(prompt.removeprefix("residue "))
    total = sum(int(word) for word in words)
    return F((total - asked) % made.parameters["modulus"] == 0), len(words)


def brackets(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    fits = {")": "(", "]": "[", "}": "{", ">": "<"}
    opened = list(prompt.removeprefix("close "))
    for i, word in enumerate(words):
        if word == "end":
            return F(not opened), i + 1
        if word in fits.values():
            opened.append(word)
            if len(opened) > made.parameters["depth"]:
                return F(0), i + 1
        elif not opened or opened.pop() != fits[word]:
            return F(0), i + 1
    return F(0), len(words)


def addition(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    question, _, base_text = prompt.partition(" in base ")
    base = int(base_text)
    total, places = 0, 0
    for number in question.split(" + "):
        digits = [int(digit) for digit in (number.split() if base > 10 else number)]
        total += sum(digit * base**i for i, digit in enumerate(reversed(digits)))
        places = len(digits)
    answer = [str(total // base**i % base) for i in range(places + 1)] + ["end"]
    until = words.index("end") + 1 if "end" in words else len(words)
    return spelled(made, answer, words[:until])


def commitment(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    codes = sub_tasks(made.horizon, made.actions, made.parameters["length"], made.parameters["seed"])
    asked, _, _ = prompt.split(": ")[1].partition(", then ")
    code = codes[words[0]]
    for i, token in enumerate(code):
        if words[1 + i] != token:
            return F(0), 2 + i
    return F(words[0] == asked), 1 + len(code)


@cache
def sub_tasks(horizon: int, actions: int, length: int, seed: int) -> dict[str, list[str]]:
    """Codes of all sub-tasks, as the prompts tell them if all are asked for."""
    every = task("commitment", horizon=horizon, actions=actions, length=length, prompts=actions, seed=seed)
    pairs = (text.split(": ")[1].split(", then ") for text in every.prompts.values())
    return {choice: code.split() for choice, code in pairs}


def state_tracking(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    reached = ""
    for thing in range(3):
        for word in words:
            thing = int(word[thing])  # noqa: PLW2901 (where the thing is sent by one word after the other)
        reached += str(thing)
    return F(reached == prompt.removeprefix("reach ")), len(words)


def needle(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    token, position = prompt.removeprefix("token ").split(" at position ")
    return F(words[int(position) - 1] == token), len(words)


def stopping(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    code = prompt.removeprefix("code ").split()
    for i, word in enumerate(words):
        if word == "end":
            return F(not code), i + 1
        if word != "think" and (not code or code.pop(0) != word):
            return F(0), i + 1
    return F(0), len(words)


def random_automaton(made: Task, prompt: str, words: list[str]) -> tuple[Fraction, int]:
    state = int(prompt.removeprefix("start in state "))
    for t, word in enumerate(words):
        state = int(made.space.table(t)[state, int(word)])
    accepting = made.statement.removeprefix("End in one of the accepting states ").removesuffix(".")
    return F(str(state) in accepting.split(", ")), len(words)


VERIFIERS = {
    "password": password,
    "modular-sum": modular_sum,
    "brackets": brackets,
    "addition": addition,
    "commitment": commitment,
    "state-tracking": state_tracking,
    "needle": needle,
    "stopping": stopping,
    "random-automaton": random_automaton,
}


def verdict(made: Task, state: int, tokens: list[int]) -> tuple[Fraction, int]:
    """Reward and length of the response to the prompt of a state."""
    return VERIFIERS[made.name](made, made.prompts[state], [made.alphabet[a] for a in tokens])
