from hypothesis import given
from hypothesis import strategies as st
from nascore.experiment.pareto import Ranking

small = st.integers(0, 5).map(float)


@given(st.lists(st.tuples(small, small, small), max_size=40))
def test_front_is_what_nothing_dominates(points):
    ranking = Ranking()
    for number, scores in enumerate(points):
        ranking.add(number, scores)
    expected = {
        number
        for number, scores in enumerate(points)
        if not any(
            other != scores and all(one >= two for one, two in zip(other, scores, strict=True)) for other in points
        )
    }
    assert set(ranking.best()) == expected
    assert len(ranking.best()) == len(expected)


@given(st.lists(small, max_size=40), st.integers(0, 50))
def test_one_objective_ranks_by_score_and_ties_by_number(scores, count):
    ranking = Ranking()
    for number, score in enumerate(scores):
        ranking.add(number, (score,))
    ordered = sorted(range(len(scores)), key=lambda number: (-scores[number], number))
    assert list(ranking.best(count)) == ordered[:count]
    assert ranking.best_score == (max(scores) if scores else None)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, 1, 3])), max_size=400))
def test_ranking_is_that_of_sorting_everything_whenever_somebody_asks(results):
    ranking, known = Ranking(), []
    for number, (score, asked) in enumerate(results):
        ranking.add(number, (float(score),))
        known.append((-score, number))
        if asked is not None:
            assert ranking.best(asked) == tuple(place for _, place in sorted(known)[:asked])
            assert ranking.best_score == -min(known)[0]
    again = Ranking()
    for number, (score, _) in enumerate(results):
        again.add(number, (float(score),))
    assert again == ranking
    assert again.best() == tuple(place for _, place in sorted(known))
