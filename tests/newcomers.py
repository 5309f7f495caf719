"""People for tests: one who joins with a code, or as many as one likes."""

from __future__ import annotations

from datetime import timedelta

from houses import actor_of

from jupyterhub_communities.application import invites, issuing
from jupyterhub_communities.application.house import House
from jupyterhub_communities.application.invites import JoinRequest
from jupyterhub_communities.application.issuing import NewInvite
from jupyterhub_communities.domain.accounts import Account, AccountKind
from jupyterhub_communities.domain.grants import Grant, Role, Source


def joined(
    house: House,
    role: Role = Role.LEARNER,
    name: str = "Luz",
    community: str = "andes",
    workshop: str | None = None,
    by: str = "ana",
) -> str:
    """The username."""
    issued = house.call(
        issuing.issue_invite,
        actor_of(house, by),
        community,
        NewInvite(role=role, workshop=workshop),
    )
    request = JoinRequest(issued.code, f"{name}-{role}", name)
    return house.call(invites.redeem_invite, request).account.username


def add_people(
    house: House, number: int, *, begin: int = 0, workshop: str | None = None, names: int = 7
) -> None:
    """With so many different names."""
    now = house.clock.now()
    with house.database.write() as store:
        for n in range(begin, number):
            name = f"p{n:04}"
            store.accounts.add(
                Account(name, name, f"Rosa {n % names}", AccountKind.INVITE, None, created_at=now)
            )
            store.grants.add(
                Grant(
                    f"g{name}",
                    name,
                    Role.HELPER if n % 3 else Role.LEARNER,
                    "andes",
                    workshop,
                    Source.INVITE,
                    None,
                    starts_at=now - timedelta(seconds=n),
                )
            )
