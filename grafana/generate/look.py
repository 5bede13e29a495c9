"""How a panel looks: where good ends and bad begins, colours with a meaning, words for values."""

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as model

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"

# The same thing has the same colour on every page.
CLASSES = {"1xx": GREY, "2xx": GREEN, "3xx": BLUE, "4xx": YELLOW, "5xx": RED}
DECISIONS = {"allow": GREEN, "deny": YELLOW, "error": RED}
OUTCOMES = {"allowed": GREEN, "refused": YELLOW}


def low_is_good(warn=None, bad=None):
    """Green, yellow from `warn` on, red from `bad` on."""
    return _steps((None, GREEN), (warn, YELLOW), (bad, RED))


def high_is_good(bad, warn=None):
    """Red below `bad`, yellow below `warn` (both bounds are good again), green above."""
    if warn is None:
        return _steps((None, RED), (bad, GREEN))
    return _steps((None, RED), (bad, YELLOW), (warn, GREEN))


def plain():
    """A value that is neither good nor bad."""
    return _steps((None, GREY))


def _steps(base, *further):
    steps = [base, *(step for step in further if step[0] is not None)]
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=colour) for value, colour in steps])
    )


def magnitudes():
    """Each power of ten is as high as the one below: for times, of which none is 0."""
    return common.ScaleDistributionConfig().type(kinds.ScaleDistribution.LOG).log(10)


def magnitudes_from_zero():
    """The same for counts beside a bound that is far above them."""
    return common.ScaleDistributionConfig().type(kinds.ScaleDistribution.SYMLOG).log(10).linear_threshold(1)


def sizes():
    """The same for bytes."""
    return common.ScaleDistributionConfig().type(kinds.ScaleDistribution.LOG).log(2)


def words(meanings):
    """Shows words for values: `{0: ("down", RED), 1: ("up", GREEN)}`."""
    return model.ValueMap(
        options={
            str(value): model.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(meanings.items())
        }
    )


# What `ask.state` answers.
STATES = words({0: ("down", RED), 1: ("partly", YELLOW), 2: ("up", GREEN)})


def fixed(colour):
    return model.DynamicConfigValue(
        id_val="color", value={"mode": model.FieldColorModeId.FIXED, "fixedColor": colour}
    )


def setting(id_val, value):
    """A property that an override changes."""
    return model.DynamicConfigValue(id_val=id_val, value=value)
