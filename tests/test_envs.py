"""Tasks as Gymnasium environments: by the automaton, by hand, batched as one by one, by exact values."""

import math
import subprocess
import sys
import tomllib
import warnings
from fractions import Fraction
from importlib.metadata import EntryPoint
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import namespace
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import cppo_theory as ct
from cppo_theory import envs
from cppo_theory.policy import random_policy
from cppo_theory.spaces import Automaton
from cppo_theory.tasks import TASKS, Task, task

ROOT = Path(__file__).parent.parent

SMALL = {
    "password": {"horizon": 4, "actions": 3, "length": 2, "prompts": 2, "credit": "partial"},
    "modular-sum": {"horizon": 4, "actions": 3, "modulus": 4, "prompts": 3},
    "brackets": {"horizon": 5, "depth": 2, "prompts": 2},
    "addition": {"horizon": 4, "actions": 3, "digits": 1, "prompts": 3, "credit": "partial"},
    "commitment": {"horizon": 4, "actions": 3, "length": 1, "prompts": 2},
    "state-tracking": {"horizon": 4, "actions": 3, "prompts": 3},
    "needle": {"horizon": 4, "actions": 3, "place": 2, "prompts": 2},
    "stopping": {"horizon": 5, "actions": 4, "length": 1, "prompts": 2},
    "random-automaton": {"horizon": 4, "actions": 3, "states": 5, "accepting": 2},
}
STOPPING = {"horizon": 3, "actions": 4, "length": 1, "prompts": 1}
THINK, END = 2, 3  # of STOPPING; its symbols are 0 and 1

FAILURE = 1e-6  # probability that one of the sampling tests fails although the code is right
SAMPLED = len(SMALL) + 3 + 3 + 3 + 1  # comparisons: batched returns, single returns, and three of prompts


def hoeffding(count):
    """Deviation of a mean of `count` numbers in [0, 1] that has probability FAILURE / SAMPLED at most."""
    return math.sqrt(math.log(2 * SAMPLED / FAILURE) / (2 * count))


def single(name, **parameters):
    return gymnasium.make(envs.environment_id(name), **parameters)


def batch(name, count, **parameters):
    return gymnasium.make_vec(
        envs.environment_id(name), num_envs=count, vectorization_mode="vector_entry_point", **parameters
    )


def random_actions(name, count, steps, seed):
    actions = task(name, **SMALL[name]).actions
    return np.random.default_rng(seed).integers(0, actions, (steps, count))


# --- registration -----------------------------------------------------------------------------------------


def test_ids():
    words = """Password ModularSum Brackets Addition Commitment StateTracking Needle Stopping
        RandomAutomaton"""
    ids = {f"cppo_theory/{word}-v0" for word in words.split()}
    assert {envs.environment_id(name) for name in TASKS} == ids
    assert ids <= set(gymnasium.registry)


def test_parameters_reach_the_task():
    env = single("password", horizon=16, length=5)
    assert env.unwrapped.task.parameters["horizon"] == 16
    assert env.unwrapped.task.parameters["length"] == 5
    assert single("password", horizon=3).observation_space.nvec[0] == 4
    remembering = single("password", memory=1)
    states = max(task("password", memory=1).space.sizes)
    assert remembering.observation_space == gymnasium.spaces.MultiDiscrete([17, states])
    assert batch("password", 2, horizon=3).task.horizon == 3


def test_registering_again_changes_nothing():
    before = dict(gymnasium.registry)
    envs.register()
    assert gymnasium.registry == before


def test_entry_point_names_the_registration():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    group = "gymnasium.envs"
    assert project["entry-points"][group] == {"cppo_theory": "cppo_theory.envs:register"}
    point = EntryPoint("cppo_theory", project["entry-points"][group]["cppo_theory"], group)
    assert point.load() is envs.register
    saved = {name: gymnasium.registry.pop(name) for name in map(envs.environment_id, TASKS)}
    with namespace(point.name):  # as Gymnasium 0.26 to 0.29 load plugins
        point.load()()
    assert {name: gymnasium.registry[name] for name in saved} == saved


def test_a_fresh_interpreter_finds_the_environments():
    program = (
        "import sys, gymnasium\n"
        "env = gymnasium.make('cppo_theory.envs:cppo_theory/Password-v0', horizon=16)\n"
        "import cppo_theory.envs\n"  # a second time, and by the entry point
        "cppo_theory.envs.register()\n"
        "print(env.reset(seed=1)[0][0], env.unwrapped.task.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 password\n", "")


@pytest.mark.parametrize("name", TASKS)
def test_gymnasium_finds_nothing_to_complain_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = single(name)
        check_env(env.unwrapped, skip_render_check=False)
        size = max(task(name).space.sizes)
        assert env.observation_space == gymnasium.spaces.MultiDiscrete([task(name).horizon + 1, size])
        assert env.action_space == gymnasium.spaces.Discrete(task(name).actions)
        assert single(name, **SMALL[name]).unwrapped.spec.to_json()


# --- one response -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 1])
@pytest.mark.parametrize("name", TASKS)
def test_what_the_environments_assume_of_tasks(name, memory):
    made = task(name, **SMALL[name], memory=memory)
    if any(marks.any() for marks in made.ended):
        over = made.ended[0]
        assert made.space.stationary
        assert all(np.array_equal(marks, over) for marks in made.ended)
        after = made.space.table(0)[over]
        assert over[after].all()
        assert (made.reward[after] == made.reward[over][:, None]).all()
    assert sum(made.initial[list(made.prompts)]) == 1


def by_the_automaton(made, state, tokens):
    """States visited, reward, terminated and truncated, from the definition; the response ends somewhere."""
    ends = any(marks.any() for marks in made.ended)
    states = [state]
    for t, token in enumerate(tokens):
        state = made.space.table(t)[state, token]
        states.append(state)
        if ends and made.ended[min(t + 1, made.horizon - 1)][state]:
            return states, made.reward[state], True, False
    return states, made.reward[state], not ends, ends


@pytest.mark.parametrize("name", TASKS)
def test_responses_follow_the_automaton(name):
    env = single(name, **SMALL[name])
    made, prompts = env.unwrapped.task, list(env.unwrapped.task.prompts)
    for number, tokens in enumerate(random_actions(name, made.horizon, 60, seed=1)):
        prompt = number % len(prompts)
        states, reward, terminated, truncated = by_the_automaton(made, prompts[prompt], tokens)
        observation, info = env.reset(options={"prompt": prompt})
        assert observation.tolist() == [0, states[0]]
        assert info == {"prompt": made.prompts[prompts[prompt]]}
        for t, token in enumerate(tokens[: len(states) - 1], start=1):
            got = env.step(token)
            over = t == len(states) - 1
            assert got[0].tolist() == [t, states[t]]
            assert got[0] in env.observation_space
            assert got[1:4] == (float(reward) if over else 0, over and terminated, over and truncated)
            assert got[4] == {"token": made.alphabet[token]}


def ends_of(env, tokens):
    """(reward, terminated, truncated) after every token."""
    env.reset(options={"prompt": 0})
    return [env.step(token)[1:4] for token in tokens]


ON = (0.0, False, False)


def test_terminated_and_truncated_by_hand_where_responses_end():
    env = single("stopping", **STOPPING)
    code = int(env.reset()[1]["prompt"].removeprefix("code "))
    # The code, then the end token: over before the horizon, and over exactly at the horizon.
    assert ends_of(env, [code, END]) == [ON, (1.0, True, False)]
    assert ends_of(env, [THINK, code, END]) == [ON, ON, (1.0, True, False)]
    # A wrong symbol, or the end too early: over without reward.
    assert ends_of(env, [1 - code]) == [(0.0, True, False)]
    assert ends_of(env, [THINK, THINK, END]) == [ON, ON, (0.0, True, False)]
    # Not over after three tokens: cut off.
    assert ends_of(env, [THINK, THINK, code]) == [ON, ON, (0.0, False, True)]
    assert ends_of(env, [code, THINK, THINK]) == [ON, ON, (0.0, False, True)]


def unfinished(horizon=2):
    """Token 1 ends the response and is worth 1; a response that goes on to the horizon is worth 1/2."""
    return Task(
        name="unfinished",
        statement="End.",
        space=Automaton(np.array([[0, 1], [1, 1]]), horizon),
        initial=np.array([Fraction(1), Fraction(0)]),
        reward=np.array([Fraction(1, 2), Fraction(1)]),
        alphabet=("on", "end"),
        prompts={0: "end"},
        describe=lambda t, state: ("open", "over")[state],
        ended=[np.array([False, True])] * horizon,
    )


def test_a_response_cut_off_earns_the_reward_of_its_state(monkeypatch):
    monkeypatch.setitem(TASKS, "unfinished", unfinished)
    env = envs.TaskEnv("unfinished")
    assert ends_of(env, [1]) == [(1.0, True, False)]
    assert ends_of(env, [0, 1]) == [ON, (1.0, True, False)]
    assert ends_of(env, [0, 0]) == [ON, (0.5, False, True)]


def test_terminated_by_hand_where_responses_have_full_length():
    env = single("modular-sum", horizon=3, actions=3, modulus=4, prompts=1)  # residue 0
    assert ends_of(env, [1, 1, 2]) == [ON, ON, (1.0, True, False)]
    assert ends_of(env, [0, 0, 0]) == [ON, ON, (1.0, True, False)]
    assert ends_of(env, [1, 1, 1]) == [ON, ON, (0.0, True, False)]


def test_frames_by_hand():
    env = single("stopping", **{**STOPPING, "prompts": 2, "seed": 1}, render_mode="ansi")
    code = env.reset(options={"prompt": 0})[1]["prompt"].removeprefix("code ")
    assert code != env.reset(options={"prompt": 1})[1]["prompt"].removeprefix("code ")
    env.reset(options={"prompt": 0})
    assert env.render() == (
        f"stopping: code {code}\n0 of 3 tokens: -\nstate 0: prompt 0: 0 of 1 symbols written"
    )
    env.step(THINK)
    env.step(int(code))
    assert env.render() == (
        f"stopping: code {code}\n2 of 3 tokens: think {code}\nstate 1: prompt 0: 1 of 1 symbols written"
    )
    env.step(END)
    assert env.render() == (
        f"stopping: code {code}\n3 of 3 tokens: think {code} end\nstate 4: written and ended, over\n"
        "terminated, reward 1"
    )
    ends_of(env, [THINK, THINK, THINK])
    assert env.render().endswith("\ntruncated, reward 0")


def test_no_frame_without_a_render_mode():
    for env in (single("password").unwrapped, batch("password", 2)):
        env.reset()
        with pytest.warns(UserWarning, match='make the environment with "ansi"'):
            assert env.render() is None


# --- many responses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TASKS)
def test_batches_are_responses_one_by_one(name):
    count, options = 3, {**SMALL[name], "render_mode": "ansi"}
    together = batch(name, count, **options)
    alone = [single(name, **options) for _ in range(count)]
    starts = list(together.task.prompts)
    assert together.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, infos = together.reset(seed=3)
    fresh = np.ones(count, dtype=bool)
    for actions in random_actions(name, count, 30, seed=2):
        for i, env in enumerate(alone):
            if fresh[i]:
                first, info = env.reset(options={"prompt": starts.index(observations[i, 1])})
                assert observations[i].tolist() == first.tolist()
                assert infos["_prompt"][i]
                assert infos["prompt"][i] == info["prompt"]
        assert together.render() == tuple(env.render() for env in alone)
        observations, rewards, terminated, truncated, infos = together.step(actions)
        assert observations in together.observation_space
        was_over, fresh = ended(alone), np.zeros(count, dtype=bool)
        for i, env in enumerate(alone):
            if was_over[i]:  # the next step begins anew, whatever the action
                assert (rewards[i], terminated[i], truncated[i]) == ON
                assert observations[i, 0] == 0
                fresh[i] = True
                continue
            expected = env.step(actions[i])
            assert observations[i].tolist() == expected[0].tolist()
            assert (rewards[i], terminated[i], truncated[i]) == expected[1:4]
            assert infos["_token"][i]
            assert infos["token"][i] == expected[4]["token"]


def ended(alone):
    """Which of these environments refuse another token."""
    return ["reward" in env.render().splitlines()[-1] for env in alone]


@pytest.mark.parametrize("name", [name for name in SMALL if "prompts" in SMALL[name]])
def test_batches_are_as_gymnasium_makes_them(name):
    options = {**SMALL[name], "prompts": 1}  # so that there is nothing to draw
    ours = batch(name, 3, **options)
    theirs = gymnasium.make_vec(envs.environment_id(name), num_envs=3, vectorization_mode="sync", **options)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    assert ours.metadata == theirs.metadata
    same(ours.reset(), theirs.reset())
    for actions in random_actions(name, 3, 30, seed=4):
        same(ours.step(actions), theirs.step(actions))


def same(ours, theirs):
    """Equal results of `reset` or `step`, infos and types included."""
    assert len(ours) == len(theirs)
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert mine.dtype == other.dtype
        assert mine.tolist() == other.tolist()
    assert ours[-1].keys() == theirs[-1].keys()
    for key, values in ours[-1].items():
        assert values.dtype == theirs[-1][key].dtype
        assert values.tolist() == theirs[-1][key].tolist()


def test_next_step_reset_by_hand():
    env = batch("stopping", 2, **STOPPING)
    _, infos = env.reset(seed=0)
    code = int(infos["prompt"][0].removeprefix("code "))
    wrong = 1 - code
    steps = [env.step(actions) for actions in ([wrong, THINK], [wrong, THINK], [code, THINK], [END, END])]
    # env 0: fails, begins anew (its second wrong symbol is ignored), writes the code, ends it.
    # env 1: thinks until the horizon, then begins anew.
    assert [step[0][:, 0].tolist() for step in steps] == [[1, 1], [0, 2], [1, 3], [2, 0]]
    assert [step[1].tolist() for step in steps] == [[0, 0], [0, 0], [0, 0], [1, 0]]
    assert [step[2].tolist() for step in steps] == [[1, 0], [0, 0], [0, 0], [1, 0]]
    assert [step[3].tolist() for step in steps] == [[0, 0], [0, 0], [0, 1], [0, 0]]
    begun = [step[4].get("_prompt", np.zeros(2)).tolist() for step in steps]
    assert begun == [[0, 0], [1, 0], [0, 0], [0, 1]]
    assert steps[1][4]["token"].tolist() == [None, "think"]


def test_results_are_not_changed_by_later_steps():
    env = batch("password", 2, **SMALL["password"])
    kept = [env.reset(seed=0), *(env.step([0, 1]) for _ in range(5))]
    env = batch("password", 2, **SMALL["password"])
    same(kept[0], env.reset(seed=0))
    for before in kept[1:]:
        same(before, env.step([0, 1]))


def test_gymnasium_counts_the_same_returns():
    env = RecordEpisodeStatistics(batch("password", 4, **SMALL["password"]))
    env.reset(seed=0)
    for actions in random_actions("password", 4, 12, seed=5):
        _, rewards, terminated, _, infos = env.step(actions)
        if terminated.any():
            assert infos["episode"]["r"].tolist() == rewards.tolist()
            assert infos["episode"]["l"].tolist() == [2, 2, 2, 2]


# --- chance -----------------------------------------------------------------------------------------------


def cumulative_tables(policy):
    """Cumulative probabilities (T, S, V) of a float policy, the last one infinite."""
    tables = np.cumsum(np.stack(policy), axis=-1)
    tables[..., -1] = np.inf
    return tables


def mean_return(env, tables, episodes, seed):
    """Mean return of the first `episodes` responses of every environment of a batch."""
    rng = np.random.default_rng([seed, 1])  # not the stream that draws the prompts
    observations, _ = env.reset(seed=seed)
    total, done = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=int)
    while (done < episodes).any():
        position = np.minimum(observations[:, 0], len(tables) - 1)  # the action after the end is ignored
        rows = tables[position, observations[:, 1]]
        actions = (rows <= rng.random((env.num_envs, 1))).sum(-1)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        total += np.where(done < episodes, rewards, 0.0)
        done += terminated | truncated
    return total.sum() / (env.num_envs * episodes)


def policy_and_value(made, seed):
    policy = random_policy(made.space.sizes, made.actions, np.random.default_rng(seed), scale=0.7)
    return cumulative_tables(policy), ct.evaluate(made.instance(policy, policy)).value_mu


@pytest.mark.parametrize("name", TASKS)
def test_mean_return_of_a_batch_is_the_exact_value(name):
    env = batch(name, 4000, **SMALL[name])
    tables, value = policy_and_value(env.task, seed=6)
    assert value > 2 * hoeffding(20_000)  # so that the comparison says something
    assert abs(mean_return(env, tables, episodes=5, seed=7) - value) <= hoeffding(20_000)


@pytest.mark.parametrize("name", ["password", "modular-sum", "stopping"])
def test_mean_return_of_single_responses_is_the_exact_value(name):
    env = single(name, **SMALL[name])
    tables, value = policy_and_value(env.unwrapped.task, seed=8)
    rng, count, total = np.random.default_rng([9, 1]), 2000, 0.0
    for episode in range(count):
        (t, state), _ = env.reset(seed=9 if episode == 0 else None)
        over = False
        while not over:
            action = (tables[t, state] <= rng.random()).sum()
            (t, state), reward, terminated, truncated, _ = env.step(action)
            total += reward
            over = terminated or truncated
    assert abs(total / count - value) <= hoeffding(count)


def test_prompts_are_drawn_by_their_law_and_again_at_every_reset():
    count = 20_000
    env = batch("password", count, horizon=2, length=1, prompts=3)
    first, infos = env.reset(seed=10)
    env.step(np.zeros(count, dtype=int))
    second, *_, again = env.step(np.zeros(count, dtype=int))
    for prompts in (infos["prompt"], again["prompt"]):
        for text in env.task.prompts.values():
            assert abs((prompts == text).mean() - 1 / 3) <= hoeffding(count)
    assert abs((first[:, 1] == second[:, 1]).mean() - 1 / 3) <= hoeffding(count)  # independently


@pytest.mark.parametrize("make", [lambda: single("addition"), lambda: batch("addition", 5)])
def test_a_seed_fixes_the_prompts(make):
    def starts(env, seed):
        first = env.reset(seed=seed)[0].tolist()
        return [first, *(env.reset()[0].tolist() for _ in range(9))]

    env, other = make(), make()
    assert starts(env, 1) == starts(other, 1) == starts(env, 1)
    assert starts(env, 1) != starts(env, 2)


def test_a_batch_of_one_draws_as_a_single_environment():
    together, alone = batch("password", 1, **SMALL["password"]), single("password", **SMALL["password"])
    (observation,), _ = together.reset(seed=11)
    assert observation.tolist() == alone.reset(seed=11)[0].tolist()
    for _ in range(20):
        together.step([0])
        together.step([0])  # two tokens, then a new response
        (observation,), *_ = together.step([0])
        assert observation.tolist() == alone.reset()[0].tolist()


def test_prompts_can_be_chosen():
    env = batch("addition", 4)
    questions = list(env.task.prompts.values())
    _, infos = env.reset(options={"prompt": [3, 0, 1, 1]})
    assert infos["prompt"].tolist() == [questions[p] for p in (3, 0, 1, 1)]
    _, infos = env.reset(options={"prompt": 2})
    assert infos["prompt"].tolist() == [questions[2]] * 4


# --- bad input --------------------------------------------------------------------------------------------

FOUR = r"the task password has V = 4 actions, 0\.\.3"


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (4, "action: found 4; "),
        (np.int64(-1), "action: found -1; "),
        (1.0, r"action: found 1\.0; integers are required: "),
        ("end", "action: found 'end'; integers are required: "),
        (None, "action: found None; integers are required: "),
        ([0], r"action: found shape \(1,\); shape \(\) is required: "),
    ],
)
def test_actions_outside_the_space(action, found):
    env = single("password")
    env.reset(seed=0)
    with pytest.raises(ct.InputError, match=f"^{found}{FOUR}$"):
        env.step(action)
    assert env.step(0)[0][0] == 1  # nothing was written


@pytest.mark.parametrize(
    ("actions", "found"),
    [
        ([0, 4, 5], r"actions\[1\]: found 4; "),
        (np.array([0, 0, -1]), r"actions\[2\]: found -1; "),
        ([0, 1], r"actions: found shape \(2,\); shape \(3,\) is required: "),
        (0, r"actions: found shape \(\); shape \(3,\) is required: "),
        (np.zeros(3), r"actions: found array\(\[0\., 0\., 0\.\]\); integers are required: "),
    ],
)
def test_batches_of_actions_outside_the_space(actions, found):
    env = batch("password", 3)
    env.reset(seed=0)
    with pytest.raises(ct.InputError, match=f"^{found}{FOUR}$"):
        env.step(actions)
    assert env.step([0, 0, 0])[0][:, 0].tolist() == [1, 1, 1]


def test_steps_and_frames_before_a_reset():
    for env in (single("password", render_mode="ansi").unwrapped, batch("password", 2, render_mode="ansi")):
        with pytest.raises(ResetNeeded, match=r"no response has begun; call reset\(\) before step\(\)"):
            env.step(0)
        with pytest.raises(ResetNeeded, match=r"no response has begun; call reset\(\) before render\(\)"):
            env.render()


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_step_after_the_end(wrapped):
    env = single("stopping", **STOPPING)
    env = env if wrapped else env.unwrapped
    for tokens, end in (([END], "terminated"), ([THINK] * 3, "truncated")):
        ends_of(env, tokens)
        with pytest.raises(
            ResetNeeded, match=rf"^the response is over \({end}, reward 0\); call reset\(\) before step\(\)$"
        ):
            env.step(0)
    env.reset()
    env.step(THINK)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"prompt": 2}, r"options\['prompt'\]: found 2; the task password has 2 prompts, 0\.\.1"),
        ({"prompt": "1"}, r"options\['prompt'\]: found array\('1'.*integers are required"),
        ({"prompt": [0, 1, 0]}, r"options\['prompt'\]: found shape \(3,\); shape \(1,\) is required"),
        ({"reset_mask": [True]}, "options: found 'reset_mask'; the only option is \"prompt\""),
    ],
)
def test_bad_options_of_a_reset(options, found):
    for env in (single("password"), batch("password", 1)):
        with pytest.raises(ct.InputError, match=found):
            env.reset(options=options)


def test_bad_parameters():
    for make in (single, lambda name, **parameters: batch(name, 2, **parameters)):
        with pytest.raises(ct.InputError, match=r"^lenght: the task password has no such parameter"):
            make("password", lenght=3)
        with pytest.raises(ct.InputError, match=r"^length: found 9; "):
            make("password", horizon=4, length=9)
        with pytest.raises(TypeError, match=r"^horizon: found '16'; an integer is required"):
            make("password", horizon="16")
        with pytest.raises(ct.InputError, match=r"^task: found 'passwort'; did you mean 'password'"):
            make("password", task="passwort")
    with pytest.raises(ct.InputError, match=r"^render_mode: found 'human'; "):
        batch("password", 2, render_mode="human")
    with pytest.raises(ct.InputError, match=r"^num_envs: found 0"):
        batch("password", 0)
