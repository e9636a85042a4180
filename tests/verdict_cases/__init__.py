"""Problems with known truth, or known to have none, on which the verdict is judged.

`case.py` holds a case and its registration, `truths.py` the numerical truths, `run_case.py` one run, `campaign.py`
the runs of all, `scores.py` the rates and `table.py` the table of the documentation.  Every other module holds cases of
one kind: ``smooth_*`` (well-posed, smooth), ``hard_*`` (well-posed, but stiff, thin, rough or badly trained) and
``ill_posed_*`` (no solution, several, or one that data do not determine).  No truth uses a solver or a reference of
the package, and no problem holds its truth, so that the verdict never sees it.

``python -m tests.verdict_cases --out results/published/verdicts.json`` runs all of them.
"""
