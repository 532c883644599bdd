"""The seed's example without a GPU and without a library: the same sum, in plain Python."""


def cpu_ex(value):
    """Sum of the product of two value x value matrices of ones (so: value cubed), and where it was computed."""
    size = int(value)
    if size < 1:
        raise ValueError(f"a matrix needs 1 row or more, not {size}")
    print(f"{size} x {size}")
    ones = [[1.0] * size for _ in range(size)]
    columns = list(zip(*ones))
    total = sum(sum(a * b for a, b in zip(row, column)) for row in ones for column in columns)
    return {"result": total, "device": "cpu"}
