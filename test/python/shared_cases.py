"""The tables of cases that the TypeScript and the Python tests share."""
import json
import os


def cases(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cases', name + '.json')
    with open(path, encoding='utf-8') as file:
        return json.load(file)
