"""The ground floor: values and rules that every other floor shares; imports nothing of ours."""
