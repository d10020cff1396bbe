"""Real-time 3D perception of hands and surgical instruments for robots."""

from pkgutil import extend_path

# In a ROS 2 workspace the generated message modules live in the same package in another folder.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
