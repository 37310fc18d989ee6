"""The hypothesis profiles. (That every test starts from an empty default graph is said in the conftest.py above.)"""

import os

from hypothesis import HealthCheck, settings

COMMON = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

# In CI the same examples each time: a red run is this change's doing. Elsewhere, and nightly, new ones.
settings.register_profile("default", COMMON, max_examples=60, derandomize=bool(os.environ.get("CI")))
settings.register_profile("nightly", COMMON, max_examples=int(os.environ.get("HYPOTHESIS_MAX", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
