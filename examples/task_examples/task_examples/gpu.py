"""The seed's GPU example: a small computation by PyTorch or TensorFlow, on the GPU if there is one."""


def gpu_tf_ex(value):
    """Sum of the product of two value x value matrices of ones (so: value cubed), and where it was computed."""
    size = int(value)
    for compute in (_with_torch, _with_tensorflow):
        try:
            return compute(size)
        except ImportError:
            continue
    return {
        "ERROR": "neither torch nor tensorflow is installed; run `pip install torch`, "
        "or name an interpreter that has one of them as `python` in dl_jobs.config.yaml"
    }


def _with_torch(size):
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    ones = torch.ones((size, size), device=device)
    name = torch.cuda.get_device_name(0) if device == "cuda" else "cpu"
    return {"result": float((ones @ ones).sum().item()), "library": "torch", "device": name}


def _with_tensorflow(size):
    import tensorflow as tf

    ones = tf.ones((size, size))
    total = tf.reduce_sum(tf.matmul(ones, ones))
    return {"result": float(total.numpy()), "library": "tensorflow", "device": total.device}
