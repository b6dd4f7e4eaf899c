# before NumPy, whose threads it sets to one
import soundsift  # noqa: F401
