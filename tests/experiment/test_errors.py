import re

from experiment import errors


def test_the_hierarchy_is_as_its_docstring_draws_it():
    drawn = re.findall(r"(\w+) +(\d+)\b.*$", errors.SweepError.__doc__, re.MULTILINE)
    classes = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    assert dict(drawn) == {name: str(value.exit_code) for name, value in classes.items()}
    assert all(issubclass(value, errors.SweepError) for value in classes.values())


def test_input_errors_are_value_errors_and_data_errors_are_input_errors():
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.DataError, errors.InputError)
