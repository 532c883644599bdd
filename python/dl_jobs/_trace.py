"""Which files of a project a module needs: follows its imports by reading the sources. Nothing is imported.

`python _trace.py` reads `{"root": ..., "modules": [...], "include": [...]}` from standard input and prints
`{"files": [...], "missing": [...], "external": [...]}`:

- `modules`: dotted names whose imports are followed; `include`: modules, packages or folders, dotted or as paths
  below the root, that are taken whole;
- `files`: paths relative to the root, `/` as separator, sorted; packages' `__init__.py` on the way are among them;
- `missing`: names asked for, or imported from a package of the project, that are not there;
- `external`: top-level names imported that are not the project's (the standard library's too).

`dl_jobs` is always the package that comes with the tool, never the project's.
"""

import ast
import json
import os
import sys

GUEST = 'dl_jobs'
SKIPPED = frozenset(('.git', 'node_modules', '__pycache__'))
BINARY = ('.so', '.pyd')


class Tracer:
    def __init__(self, root):
        self.root = root
        self.files = set()
        self.missing = set()
        self.external = set()
        self.queue = []
        self.listings = {}

    # --- the tree ---

    def listing(self, folder):
        """Names in `folder` (relative to the root); empty if it is no folder or one that is never entered."""
        names = self.listings.get(folder)
        if names is None:
            try:
                names = frozenset(os.listdir(os.path.join(self.root, folder)))
            except (OSError, ValueError):
                names = frozenset()
            if os.path.basename(folder) in SKIPPED or (folder and 'pyvenv.cfg' in names):
                names = frozenset()
            self.listings[folder] = names
        return names

    def is_file(self, folder, name):
        return name in self.listing(folder) and os.path.isfile(os.path.join(self.root, folder, name))

    def is_folder(self, folder, name):
        return (
            name in self.listing(folder)
            and name not in SKIPPED
            and os.path.isdir(os.path.join(self.root, folder, name))
            and not self.is_file(_join(folder, name), 'pyvenv.cfg')
        )

    def add(self, file, package):
        """Take `file`; `package` is the dotted package that its relative imports start from."""
        if file not in self.files:
            self.files.add(file)
            if file.endswith('.py'):
                self.queue.append((file, package))

    # --- names ---

    def step(self, folder, part, package):
        """One part of a dotted name, looked for in `folder`, in Python's order; None: it is not there.

        Gives ('package' | 'module' | 'folder').
        """
        if not part:
            return None
        inner = _join(folder, part)
        if self.is_folder(folder, part) and self.is_file(inner, '__init__.py'):
            self.add(_join(inner, '__init__.py'), package + [part])
            return 'package'
        for name in sorted(self.listing(folder)):
            if name.startswith(part + '.') and name.endswith(BINARY) and self.is_file(folder, name):
                self.add(_join(folder, name), package)
                return 'module'
        if self.is_file(folder, part + '.py'):
            self.add(_join(folder, part + '.py'), package)
            return 'module'
        return 'folder' if self.is_folder(folder, part) else None

    def follow(self, parts):
        """Take the modules on the way of a dotted name. Gives (how many parts were found, what the last one is)."""
        folder, kind = '', 'folder'
        for depth, part in enumerate(parts):
            if kind == 'module':
                return depth, kind
            found = self.step(folder, part, parts[:depth])
            if found is None:
                return depth, kind
            folder, kind = _join(folder, part), found
        return len(parts), kind

    def need(self, parts, names=()):
        """`import a.b.c`, or with `names` `from a.b.c import names`."""
        if not parts or parts[0] == GUEST:
            return
        found, kind = self.follow(parts)
        if found == 0 or (found < len(parts) and self.only_folders(parts[:found])):
            # A folder without Python in it, of the same name as some library, is not the project's module.
            self.external.add(parts[0])
            return
        if found < len(parts):
            if kind != 'module':
                self.missing.add('.'.join(parts))
            return
        if kind == 'module':
            return
        for name in names:
            if name == '*':
                self.need_star(parts)
                continue
            deeper, _ = self.follow(parts + [name])
            if deeper == len(parts) and kind == 'folder':
                if self.only_folders(parts):
                    self.external.add(parts[0])
                else:
                    self.missing.add('.'.join(parts + [name]))

    def only_folders(self, parts):
        """True if no part of the name is a package or module: a mere folder may be shadowed by a library."""
        return bool(parts) and not any(
            self.is_file('/'.join(parts[: depth + 1]), '__init__.py') for depth in range(len(parts))
        )

    def need_star(self, parts):
        """`from package import *` loads the submodules that a literal `__all__` names."""
        tree = self.parsed(_join('/'.join(parts), '__init__.py'))
        for node in tree.body if tree is not None else ():
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == '__all__' for target in node.targets
            ):
                for name in getattr(node.value, 'elts', ()):
                    if isinstance(name, ast.Constant) and isinstance(name.value, str):
                        self.follow(parts + [name.value])

    # --- sources ---

    def parsed(self, file):
        """The syntax tree of a file; None if it cannot be parsed, which its import will tell at run time."""
        try:
            with open(os.path.join(self.root, file), 'rb') as source:
                return ast.parse(source.read(), file)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def drain(self):
        while self.queue:
            file, package = self.queue.pop()
            tree = self.parsed(file)
            for node in ast.walk(tree) if tree is not None else ():
                if isinstance(node, ast.Import):
                    for alias in node.names:
                        self.need(alias.name.split('.'))
                elif isinstance(node, ast.ImportFrom):
                    base = self.absolute(node.level, node.module or '', package)
                    if base is not None:
                        self.need(base, [alias.name for alias in node.names])
                elif isinstance(node, ast.Call):
                    self.need_call(node, package)

    @staticmethod
    def absolute(level, name, package):
        """The parts of a name with `level` leading dots, seen from `package`; None above the root."""
        parts = name.split('.') if name else []
        if level == 0:
            return parts
        if level > len(package) + 1:
            return None
        # In a module at the root itself there is no package to be relative to; Python will refuse that.
        base = package[: len(package) - level + 1]
        return base + parts if base else None

    def need_call(self, node, package):
        """`importlib.import_module("name")` and `__import__("name")`."""
        called = getattr(node.func, 'attr', getattr(node.func, 'id', None))
        if called not in ('import_module', '__import__') or not node.args:
            return
        name = getattr(node.args[0], 'value', None)
        if not isinstance(name, str) or not name.strip('.'):
            return
        base = self.absolute(len(name) - len(name.lstrip('.')), name.lstrip('.'), package)
        if base is not None:
            self.need(base)

    # --- what was asked for ---

    def module(self, name):
        parts = name.split('.')
        if parts[0] == GUEST:
            return
        found, kind = self.follow(parts)
        if found < len(parts) or kind == 'folder':
            self.missing.add(name)

    def include(self, name):
        """Take a module, or all of a package or folder."""
        path = name.replace(os.sep, '/')
        while path.startswith('./'):
            path = path[2:]
        path = path.rstrip('/')
        if path.endswith('.py'):
            parts = path[:-3].split('/')
            if parts[-1] == '__init__' and len(parts) > 1:
                parts.pop()
        else:
            parts = path.split('/')
            if len(parts) == 1 and not self.is_folder('', path):
                parts = path.split('.')
        if parts[0] == GUEST:
            return
        found, kind = self.follow(parts) if all(parts) and '..' not in parts else (-1, '')
        if found < len(parts):
            self.missing.add(name)
        elif kind != 'module':
            self.whole('/'.join(parts), set())

    def whole(self, folder, seen):
        real = os.path.realpath(os.path.join(self.root, folder))
        if real in seen:
            return  # a link back into a folder that is being taken
        seen.add(real)
        package = folder.split('/')
        for name in sorted(self.listing(folder)):
            if self.is_folder(folder, name):
                self.whole(_join(folder, name), seen)
            elif name.endswith(('.py',) + BINARY) and self.is_file(folder, name):
                self.add(_join(folder, name), package)


def _join(folder, name):
    return folder + '/' + name if folder else name


def trace(root, modules=(), include=()):
    """The files that `modules` and `include` need, as described at the top of this file."""
    tracer = Tracer(os.path.abspath(root))
    for name in modules:
        tracer.module(name)
    for name in include:
        tracer.include(name)
    tracer.drain()
    return {
        'files': sorted(tracer.files),
        'missing': sorted(tracer.missing),
        'external': sorted(tracer.external),
    }


def main():
    try:
        asked = json.loads(sys.stdin.buffer.read().decode('utf-8'))
        found = trace(asked['root'], asked.get('modules') or (), asked.get('include') or ())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write('expected {"root": ..., "modules": [...], "include": [...]}: %s: %s\n' % (type(error).__name__, error))
        return 2
    # ASCII: names that are no UTF-8 travel as escaped surrogates.
    sys.stdout.write(json.dumps(found) + '\n')
    return 0


if __name__ == '__main__':
    sys.dont_write_bytecode = True
    sys.exit(main())
