"""Square markers (AprilTag, ArUco) on instruments: found in an image, and the poses that they tell."""
