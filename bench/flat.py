def main(most):
    pass
