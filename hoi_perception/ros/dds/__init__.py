"""ROS 2's topics on the wire without ROS: DDS by Cyclone, CDR by rosbags.

`names` and `domain` can be imported where Cyclone DDS is not installed; `Domain` then says so.
"""
