"""Errors in the coupling sampler, in what figures show, and in how they show it."""

from tests.planted import Planted, planted_in

COUPLING, PLOTS = "tests/test_coupling.py::", "tests/test_plots.py::"
VALUES, DRAWN = "tests/figures/test_values.py::", "tests/figures/test_drawn.py::"
READABLE, RUN = "tests/figures/test_readable.py::", "tests/figures/test_run.py::"
LAWS = COUPLING + "test_each_side_has_the_law_of_its_policy"
PARTING = COUPLING + "test_they_part_with_the_probability_of_the_coupling"
LEDGER, LOOP = PLOTS + "test_the_ledger_by_hand", VALUES + "test_ledger_by_a_loop"
CURVES = VALUES + "test_main_curves"

in_coupling = planted_in("cppo_theory/coupling.py")
in_ledgers = planted_in("cppo_theory/plots/ledgers.py")
in_instances = planted_in("cppo_theory/plots/instances.py", PLOTS + "test_the_instance_by_hand")
in_looks = planted_in("cppo_theory/plots/looks.py")
in_style = planted_in("cppo_theory/plots/style.py")
in_curves = planted_in("figures/curves.py")
in_ratio = planted_in("figures/catalogue/ratio.py")
in_suffix = planted_in("figures/catalogue/suffix_tv.py", VALUES + "test_suffix_tv_by_enumeration")
in_horizon = planted_in("figures/catalogue/horizon.py", VALUES + "test_horizon_bounds_by_formula")
in_profile = planted_in("figures/catalogue/profile.py")
in_main = planted_in("figures/catalogue/main.py")
in_frontier = planted_in("figures/catalogue/frontier.py")
in_decomposition = planted_in("figures/catalogue/decomposition.py", VALUES + "test_decomposition_terms")
in_run = planted_in("figures/run.py")
in_source = planted_in("figures/source.py")
in_main_command = planted_in("figures/__main__.py")
in_command = planted_in("cppo_theory/cli/plot.py")
NAMED = PLOTS + "test_measure_and_source_are_named"

SAMPLER = (
    in_coupling(
        "coupling: independent draws",
        "np.where(apart, alone[0], x), np.where(apart, alone[1], y)",
        "alone",
        PARTING,
    ),
    in_coupling(
        "coupling: pi moves to what mu gains",
        "np.maximum(mu - pi, 0.0), np.maximum(pi - mu, 0.0)",
        "np.maximum(mu - pi, 0.0), np.maximum(mu - pi, 0.0)",
        LAWS,
    ),
    in_coupling(
        "coupling: parted pairs stay coupled",
        "x, y = np.where(apart, alone[0], x), np.where(apart, alone[1], y)",
        "apart = np.zeros(count, dtype=bool)",
        LAWS,
    ),
    in_coupling(
        "coupling: mu's residual has pi's share of the draw",
        "np.concatenate([np.minimum(mu, pi), lost], axis=-1)",
        "np.concatenate([np.minimum(mu, pi), gained], axis=-1)",
        LAWS,
    ),
    in_coupling(
        "coupling: residual not normalised",
        "gained / np.where(mass > 0, mass, 1.0)",
        "gained",
        LAWS,
    ),
    in_coupling(
        "coupling: pi goes on by mu",
        "to_float(instance.pi[t][second])",
        "to_float(instance.mu[t][second])",
        LAWS,
    ),
    in_coupling(
        "coupling: parting one token late",
        "x != y), t + 1, parted)",
        "x != y), t + 2, parted)",
        COUPLING + "test_parting_is_the_first_difference",
    ),
    in_coupling(
        "coupling: both follow mu's tokens",
        "((first, x), (second, y)))",
        "((first, x), (second, x)))",
        LAWS,
    ),
    in_coupling(
        "coupling: a truth value is a level",
        "isinstance(value, bool) or not isinstance(value, int | np.integer)",
        "not isinstance(value, int | np.integer)",
        COUPLING + "test_whole_numbers_are_required",
    ),
)

PARTS = (
    in_ledgers(
        "ledger: X_t for X_{t-1}",
        '"adjusted": _finite(delta - before)',
        '"adjusted": _finite(delta - float(account.excess[0, t]))',
        LEDGER,
    ),
    in_ledgers(
        "ledger: divergence for w D",
        '"weighted": account.weighted[0, t]',
        '"weighted": account.divergence[0, t]',
        LOOP,
    ),
    in_ledgers("ledger: position from 0", '"position": int(t) + 1', '"position": int(t)', LEDGER),
    in_ledgers(
        "ledger: kept tokens called toward",
        '"toward" if account.toward[0, t] else reason',
        '"toward"',
        LEDGER,
    ),
    in_ledgers(
        "ledger: shrunk tokens called kept",
        "whole_gate[0, t] < 1",
        "whole_gate[0, t] < 0",
        PLOTS + "test_a_token_that_the_gate_shrinks_is_shown_as_such",
    ),
    in_ledgers(
        "ledger: thresholds from middle to middle",
        "[position - 0.5, position + 0.5, position + 0.5]",
        "[position, position, position]",
        PLOTS + "test_the_thresholds_of_a_single_token_are_as_wide_as_the_token",
    ),
    in_ledgers(
        "ledger: thresholds across holes",
        "np.diff(position) > 1",
        "np.diff(position) < 1",
        PLOTS + "test_the_thresholds_break_where_tokens_are_missing",
    ),
    in_ledgers("ledger: KL called TV", '"kl": " (KL, nats)"', '"kl": " (TV)"', NAMED),
    in_ledgers(
        "ledger: equal policies at a scale of rounding",
        "if largest > NOTHING else 1.0",
        "if largest > 0 else 1e-9",
        PLOTS + "test_policies_that_are_equal_have_an_axis_of_plain_numbers",
    ),
    in_ledgers(
        "ledger: holes have bars", "np.flatnonzero(batch.mask[0])", "np.arange(batch.mask.shape[1])", LEDGER
    ),
    in_ledgers(
        "ledger: bars of the wrong height",
        "ax.bar(position[here], spent[here]",
        'ax.bar(position[here], table["divergence"][here]',
        DRAWN + "test_ledger_bars_have_the_height_of_what_is_spent_and_the_colour_of_the_reason",
    ),
    in_instances(
        "instance: largest for mean", '"token_tv": values.expected_tv[t]', '"token_tv": values.ell[t]'
    ),
    in_instances(
        "instance: unreachable first",
        "np.argsort(-occupancy",
        "np.argsort(occupancy",
        PLOTS + "test_only_the_likeliest_states_of_a_large_level_are_listed",
    ),
    in_instances(
        "instance: signed residual", '"value": abs(values.residual)', '"value": -abs(values.residual)'
    ),
    in_instances(
        "instance: no word without a bound",
        '"value": abs(values.residual), "word": None}',
        '"value": abs(values.residual)}',
        PLOTS + "test_an_instance_on_which_no_bound_applies_shows_the_residual_alone",
    ),
    in_instances(
        "instance: a marker at every position",
        "max(len(levels) // MOST_MARKERS, 1)",
        "1",
        PLOTS + "test_markers_of_a_long_line_stand_apart",
    ),
    in_style(
        "style: ticks without room",
        "(apart > LETTER * np.array(widths)).all()",
        "(apart > 0).all()",
        PLOTS + "test_log_ticks_have_room",
    ),
    in_style(
        "style: half positions",
        "integer=True, min_n_ticks=1",
        "min_n_ticks=1",
        PLOTS + "test_the_thresholds_of_a_single_token_are_as_wide_as_the_token",
    ),
    in_looks(
        "looks: two methods of one colour",
        '"dppo": Look("DPPO", "#0072B2"',
        '"dppo": Look("DPPO", "#D55E00"',
        READABLE + "test_looks_differ_in_colour_marker_and_line",
    ),
    in_style(
        "style: small ticks",
        '"xtick.labelsize": SMALLEST',
        '"xtick.labelsize": 6.0',
        READABLE + "test_figure[horizon]",
    ),
    in_style(
        "style: a date in the PDF",
        '"CreationDate": None, ',
        "",
        PLOTS + "test_pictures_hold_no_date_and_no_version",
    ),
    in_style(
        "style: the user's settings count",
        "        matplotlib.rcdefaults()\n",
        "",
        RUN + "test_the_same_input_gives_the_same_bytes_whatever_the_users_settings[ledger]",
    ),
    in_style(
        "style: legend over the data",
        'loc="outside lower center"',
        'loc="center"',
        READABLE + "test_figure[horizon]",
    ),
    in_command(
        "plot: the row after",
        "if number == row:",
        "if number == row + 1:",
        PLOTS + "test_the_row_asked_for_is_drawn_under_the_rule_asked_for",
    ),
    in_command(
        "plot: the source of the KL for the TV's", 'and measure == "tv"', "and measure is None", NAMED
    ),
    in_command(
        "plot: a base is not asked what it measures", "if choices.base is None else", "if True else", NAMED
    ),
    in_command(
        "plot: whole names",
        "brief(line, LONGEST_NAME)",
        "line",
        PLOTS + "test_a_long_name_is_cut_and_a_dollar_sign_is_a_dollar_sign",
    ),
    in_command(
        "plot: the standard input is an instance",
        ' or str(file) == "-":',
        ":",
        PLOTS + "test_the_standard_input_is_read_once_and_needs_a_name_for_the_picture",
    ),
    in_command("plot: options of another command", '" (mask --nan"', '" (none"', PLOTS + "test_mistakes"),
    in_ledgers(
        "ledger: an infinite bar",
        'np.minimum(table["weighted"], 2 * top)',
        'table["weighted"]',
        PLOTS + "test_an_infinite_divergence_leaves_the_panel",
    ),
)

SHOWN = (
    in_ratio(
        "ratio: floor multiplied",
        "bounds.eq_7(1, HORIZON, 1.0, x, w_min)",
        "bounds.eq_7(1, HORIZON, 1.0, x, 1 / w_min)",
        VALUES + "test_ratio_plane_and_levels",
    ),
    in_ratio(
        "ratio: level lines inverted",
        '"x": float(level) * w,',
        '"x": w / float(level),',
        VALUES + "test_ratio_plane_and_levels",
    ),
    in_ratio(
        "ratio: weights of an instance left out",
        "Constraints.schedule(HORIZON, w_min=w_min)",
        "Constraints.schedule(HORIZON)",
        VALUES + "test_ratio_instances_by_hand",
    ),
    in_suffix(
        "suffix TV: bound one position late", '"b9-product": product[t - 1]', '"b9-product": product[t]'
    ),
    in_suffix("suffix TV: likeliest state for the worst", ".argmax()", ".argmin()"),
    in_suffix("suffix TV: overlap for its complement", '"coupling": 1 - values', '"coupling": values'),
    in_suffix(
        "suffix TV: sampled at another fork",
        "sample_coupling(tree, t, state,",
        "sample_coupling(tree, t - 1, 0,",
    ),
    in_horizon(
        "horizon: bounds swapped",
        "bounds.uniform(xi, horizon, DELTA)",
        "bounds.uniform(xi, horizon, DELTA_B)",
    ),
    in_horizon("horizon: T - 1", "bounds.b9_closed(xi, horizon,", "bounds.b9_closed(xi, horizon - 1,"),
    in_horizon(
        "horizon: vacuous without J(mu)",
        "found.surrogate + xi + found.value_mu",
        "found.surrogate + xi",
        VALUES + "test_horizon_residual_by_enumeration",
    ),
    in_profile(
        "profile: bins one off",
        "np.ceil(x * bins).astype(int) - 1",
        "np.minimum(x * bins, bins - 1).astype(int)",
        VALUES + "test_profile_by_a_loop",
    ),
    in_profile(
        "profile: top half",
        "round(len(here) / 10)",
        "round(len(here) / 2)",
        VALUES + "test_profile_by_a_loop",
    ),
    in_profile(
        "profile: threshold delta w",
        'SETTING["delta"] / (1 -',
        'SETTING["delta"] * (1 -',
        VALUES + "test_profile_sources_are_ordered_and_the_threshold_is_delta_over_w",
    ),
    in_main(
        "main: methods swapped",
        "draw_curve(ax, here.where(rule=rule), looks[rule])",
        "draw_curve(ax, here.where(rule=rule), looks[family[0]])",
        DRAWN + "test_main_draws_each_rule_in_its_colour",
    ),
    in_main("main: the start at update 1", "np.concatenate([[0], ", "np.concatenate([[1], ", CURVES),
    in_curves(
        "curves: a diverged run is dropped",
        "np.nan_to_num(np.asarray(x, float), posinf=0, neginf=0)",
        "np.asarray(x, float)[np.isfinite(x)]",
        CURVES,
    ),
    in_curves(
        "curves: seeds and evaluations swapped",
        "summary(curve[:, e],",
        "summary(curve[e % len(curve)],",
        CURVES,
    ),
    in_frontier(
        "frontier: the next setting",
        'x["area"][:, s]',
        'x["area"][:, s - 1]',
        VALUES + "test_frontier_points",
    ),
    in_frontier(
        "frontier: masked and residual swapped",
        "_line(ax, line, name, rule, tuple(rules))",
        '_line(ax, line, {"masked": "residual", "residual": "masked"}[name], rule, tuple(rules))',
        DRAWN + "test_frontier_draws_each_ray_in_its_colour_and_rings_the_papers_point",
    ),
    in_frontier(
        "frontier: the paper's setting is the best one",
        'int(config["paper"] == s)',
        'int(config["chosen"] == s)',
        VALUES + "test_frontier_points",
    ),
    in_decomposition(
        "decomposition: L' + Delta", 'x["value"] - x["value_mu"],', 'x["surrogate"] + x["delta"],'
    ),
    in_decomposition(
        "decomposition: terms swapped",
        '"surrogate": x["surrogate"], "delta": x["delta"]',
        '"surrogate": x["delta"], "delta": x["surrogate"]',
    ),
    in_run(
        "run: the caption's hash for the file's",
        "_hash(path.read_bytes())",
        "_hash(path.name.encode())",
        RUN + "test_a_file_of_the_checkout_is_named_from_its_root",
    ),
    in_run(
        "run: a command without its folders",
        "--preset {source.preset}{_folders(source)}",
        "--preset {source.preset}",
        RUN + "test_the_json_says_where_a_figure_comes_from",
    ),
    in_source(
        "source: records made elsewhere",
        "if self.results.resolve() == Source.results:",
        "if True:",
        RUN + "test_the_command_that_makes_records_names_the_folder_where_they_are_looked_for",
    ),
    in_main_command(
        "figures: a list of all whatever is asked",
        'in (*NAMES, "all")]',
        'in (*NAMES, "all") and not options.list]',
        RUN + "test_bad_usage",
    ),
    in_ratio(
        "ratio: values below the bar without a sign",
        ', extend="min"',
        "",
        DRAWN + "test_ratio_dots_have_the_colour_of_their_number",
    ),
)

ERRORS: tuple[Planted, ...] = (*SAMPLER, *PARTS, *SHOWN)
