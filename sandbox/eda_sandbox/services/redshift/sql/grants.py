"""Users and their privileges."""

import re

from eda_sandbox.services.redshift.sql.catalog import PRIVILEGES, PUBLIC, password_hash
from eda_sandbox.services.redshift.sql.errors import NOT_OFFERED, SqlError, denied
from eda_sandbox.services.redshift.sql.language import Tokens
from eda_sandbox.services.redshift.sql.session import Session

_HASH = re.compile(r"md5[0-9a-f]{32}")
_PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\x21-\x7e]{8,64}")


def change(session: Session, statement: Tokens) -> None:
    """Run CREATE, ALTER or DROP USER, GRANT, REVOKE or ALTER DEFAULT PRIVILEGES.

    Raises:
        SqlError: the statement is wrong, or the user may not.
    """
    session.begin()
    if statement.accept("GRANT"):
        _grant(session, statement, "TO")
    elif statement.accept("REVOKE"):
        statement.accept("GRANT", "OPTION", "FOR")
        _grant(session, statement, "FROM")
    elif statement.accept("ALTER", "DEFAULT", "PRIVILEGES"):
        _defaults(session, statement)
    else:
        _user(session, statement)


def _user(session: Session, statement: Tokens) -> None:
    catalog, verb = session.catalog, statement.word
    statement.expect(verb, "USER")
    exists_ok = statement.accept("IF", "EXISTS")
    label = statement.items[statement.position].text if not statement.ended else ""
    name = statement.identifier()
    if not catalog.superuser:
        raise SqlError(f"must be superuser to {verb.lower()} users")
    known = catalog.has_user(name)
    if verb == "CREATE" and known:
        raise SqlError(f'user "{label}" already exists')
    if verb != "CREATE" and not known:
        if exists_ok:
            return
        raise SqlError(f'user "{label}" does not exist')
    if verb == "DROP":
        statement.finish()
        if catalog.ask("SELECT 1 FROM _redshift.owners WHERE owner = ?", name) or catalog.ask(
            "SELECT 1 FROM _redshift.privileges WHERE grantee = ?", name
        ):
            raise SqlError(f'user "{label}" cannot be dropped because some objects depend on it')
        catalog.ask("DELETE FROM _redshift.users WHERE name = ?", name)
        return
    statement.accept("WITH")
    password, superuser, told = None, False, False
    while not statement.ended:
        if statement.accept("PASSWORD"):
            told = True
            password = None if statement.accept("DISABLE") else statement.string()
        elif statement.accept("CREATEUSER"):
            superuser = True
        elif statement.accept("NOCREATEUSER"):
            superuser = False
        else:
            raise SqlError(f"{NOT_OFFERED} the user option {statement.word}")
    if verb == "CREATE" and not told:
        raise SqlError("syntax error at end of input: CREATE USER needs PASSWORD")
    hashed = password is not None and _HASH.fullmatch(password)
    if password is not None and not hashed and not _PASSWORD.fullmatch(password):
        raise SqlError(
            "Password must be 8 to 64 characters, with an upper case letter, a lower case letter and a number"
        )
    stored = password if hashed or password is None else password_hash(name, password)
    if verb == "CREATE":
        catalog.ask("INSERT INTO _redshift.users VALUES (?, ?, ?, ?)", name, label, stored, superuser)
    elif told:
        catalog.ask("UPDATE _redshift.users SET password = ? WHERE name = ?", stored, name)


def _grant(session: Session, statement: Tokens, preposition: str) -> None:
    catalog = session.catalog
    wanted = _privileges(statement)
    statement.expect("ON")
    kind, objects = _objects(session, statement)
    statement.expect(preposition)
    grantees = _grantees(session, statement)
    if statement.accept("WITH"):
        raise SqlError(f"{NOT_OFFERED} WITH GRANT OPTION")
    any(statement.accept(word) for word in ("RESTRICT", "CASCADE"))
    statement.finish()
    privileges = _checked(wanted, kind)
    for key in objects:
        if not catalog.owns(kind, key):
            raise denied("relation" if kind == "table" else kind, key.rpartition(".")[2] or catalog.database)
        for grantee in grantees:
            for privilege in privileges:
                row = (grantee, kind, key, privilege)
                catalog.ask(
                    "DELETE FROM _redshift.privileges WHERE (grantee, kind, object, privilege) = (?, ?, ?, ?)", *row
                )
                if preposition == "TO":
                    catalog.ask("INSERT INTO _redshift.privileges VALUES (?, ?, ?, ?)", *row)


def _defaults(session: Session, statement: Tokens) -> None:
    catalog, schemas = session.catalog, [""]
    creator = catalog.user
    if statement.accept("FOR"):
        statement.expect("USER")
        creator = statement.identifier()
        if creator != catalog.user and not catalog.superuser:
            raise SqlError("must be superuser to alter default privileges of other users")
    if statement.accept("IN"):
        statement.expect("SCHEMA")
        schemas = [name[-1] for name in statement.names()]
    granting = statement.accept("GRANT")
    if not granting:
        statement.expect("REVOKE")
    wanted = _privileges(statement)
    statement.expect("ON", "TABLES")
    statement.expect("TO" if granting else "FROM")
    grantees = _grantees(session, statement)
    statement.finish()
    for schema in schemas:
        for grantee in grantees:
            for privilege in _checked(wanted, "table"):
                row = (creator, schema, grantee, privilege)
                catalog.ask(
                    "DELETE FROM _redshift.defaults WHERE (creator, schema, grantee, privilege) = (?, ?, ?, ?)", *row
                )
                if granting:
                    catalog.ask("INSERT INTO _redshift.defaults VALUES (?, ?, ?, ?)", *row)


def _privileges(statement: Tokens) -> list[str]:
    if statement.accept("ALL"):
        statement.accept("PRIVILEGES")
        return ["all"]
    if statement.starts_with("ROLE"):
        raise SqlError(f"{NOT_OFFERED} roles; grant to users")
    return [name[-1] for name in statement.names()]


def _objects(session: Session, statement: Tokens) -> tuple[str, list[str]]:
    catalog = session.catalog
    if statement.accept("SCHEMA"):
        schemas = [name[-1] for name in statement.names()]
        for schema in schemas:
            if not catalog.has_schema(schema):
                raise SqlError(f'schema "{schema}" does not exist')
        return "schema", schemas
    if statement.accept("DATABASE"):
        for name in statement.names():
            if name[-1] != catalog.database:
                raise SqlError(f'database "{name[-1]}" does not exist')
        return "database", [""]
    if statement.accept("ALL", "TABLES", "IN", "SCHEMA"):
        schemas = [name[-1] for name in statement.names()]
        rows = catalog.ask(
            "SELECT table_schema || '.' || table_name FROM _redshift.svv_tables WHERE list_contains(?, table_schema)",
            schemas,
        )
        return "table", [row[0] for row in rows]
    if statement.word in ("FUNCTION", "PROCEDURE", "LANGUAGE", "DATASHARE", "MODEL"):
        raise SqlError(f"{NOT_OFFERED} privileges on {statement.word.lower()}s")
    statement.accept("TABLE")
    return "table", [catalog.get(name).key for name in statement.names()]


def _grantees(session: Session, statement: Tokens) -> list[str]:
    found = []
    while True:
        if statement.word in ("GROUP", "ROLE"):
            raise SqlError(f"{NOT_OFFERED} groups and roles; grant to users")
        name = statement.identifier()
        if name != PUBLIC and not session.catalog.has_user(name):
            raise SqlError(f'user "{name}" does not exist')
        found.append(name)
        if not statement.accept(","):
            return found


def _checked(wanted: list[str], kind: str) -> list[str]:
    if wanted == ["all"]:
        return list(PRIVILEGES[kind])
    named = ["temp" if privilege == "temporary" else privilege for privilege in wanted]
    for privilege in named:
        if privilege not in PRIVILEGES[kind]:
            raise SqlError(f"invalid privilege type {privilege.upper()} for {kind}")
    return named
