from corpus.strategy import Stage, Strategy, stage_of


def test_every_strategy_but_others_has_its_stage():
    members = {stage: {one.name for one in Strategy if stage_of(one) is stage} for stage in Stage}
    assert members == {
        Stage.EXPLORATION: {"QUESTION", "RESTATEMENT"},
        Stage.COMFORTING: {"REFLECTION", "SELF_DISCLOSURE", "AFFIRMATION"},
        Stage.ACTION: {"SUGGESTIONS", "INFORMATION"},
    }
    assert stage_of(Strategy.OTHERS) is None


def test_stages_are_indices_in_the_order_of_a_conversation():
    assert [(int(stage), stage.label) for stage in Stage] == [(0, "Exploration"), (1, "Comforting"), (2, "Action")]
