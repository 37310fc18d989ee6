"""Integer sequences and functions of number theory: exact in integers, rounded once; nan where they are not defined."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import sympy
from sympy.functions.combinatorial import numbers as sympy_numbers

from .special_base import Special


class _Integers(Special):
    """A function of integers, by SymPy: nan for other numbers, and below `least`; inf above `largest`, where its values leave the floats."""

    real_only = True
    accuracy = "0.5 ulp"
    computed_by = "sympy, in integers"
    discrete = (0, 1)
    least: ClassVar[float] = 0
    largest: ClassVar[float] = 2.0**53

    def _integers(self, mp: Any, function: Any, first: Any, *others: Any) -> Any:
        if not all(mp.isint(number) for number in (first, *others)) or not first >= self.least:
            return mp.nan
        if first > self.largest:
            return mp.inf if self.largest < 2**53 else mp.nan
        value = function(*[sympy.Integer(int(number)) for number in (first, *others)])
        return int(value) if value.is_Integer else mp.mpf(value.p) / value.q


class fibonacci(Special):
    """The Fibonacci numbers 0, 1, 1, 2, 3, 5, ...; of other numbers mpmath's (phi**n - cos(pi*n)*phi**-n) / sqrt(5).

    >>> fibonacci([7.0, 8.0]).eval()
    array([13., 21.])
    """

    accuracy = "0.5 ulp"

    def exact(self, mp: Any, n: Any) -> Any:
        if mp.isint(n) and abs(n) <= 2000:
            return int(sympy.fibonacci(int(mp.re(n))))
        return mp.fib(n)


class fibonacci_polynomial(Special):
    """The Fibonacci polynomials 1, x, x**2 + 1, ... for n = 1, 2, ..., by their recurrence.

    >>> fibonacci_polynomial(3.0, 2.0).eval()
    np.float64(5.0)
    """

    indices = (0,)
    discrete = (0,)
    computed_by = "mpmath, by recurrence"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if not (mp.isint(n) and 1 <= n <= 10000):
            return mp.nan
        before, value = mp.zero, mp.one
        for _ in range(int(n) - 1):
            before, value = value, x * value + before
        return value


class lucas(_Integers):
    """The Lucas numbers 2, 1, 3, 4, 7, ...

    >>> lucas([4.0, 5.0]).eval()
    array([ 7., 11.])
    """

    sympy_types = (sympy.lucas,)
    least, largest = -1480, 1480

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy.lucas, n)


class tribonacci(_Integers):
    """The tribonacci numbers 0, 1, 1, 2, 4, 7, 13, ...

    >>> tribonacci([6.0, 7.0]).eval()
    array([13., 24.])
    """

    largest = 1200

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy.tribonacci, n)


class tribonacci_polynomial(Special):
    """The tribonacci polynomials 0, 1, x**2, x**4 + x, ..., by their recurrence.

    >>> tribonacci_polynomial(4.0, 2.0).eval()
    np.float64(81.0)
    """

    indices = (0,)
    discrete = (0,)
    computed_by = "mpmath, by recurrence"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if not (mp.isint(n) and 0 <= n <= 10000):
            return mp.nan
        first, second, third = mp.zero, mp.one, x * x
        for _ in range(int(n)):
            first, second, third = second, third, x * x * third + x * second + first
        return first


class bell(_Integers):
    """The Bell numbers 1, 1, 2, 5, 15, ...: the number of partitions of a set of n.

    >>> bell([4.0, 10.0]).eval()
    array([1.50000e+01, 1.15975e+05])
    """

    largest = 230

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy.bell, n)


class bell_polynomial(Special):
    """Touchard's polynomials, the sum of stirling2(n, k) * x**k.

    >>> bell_polynomial(3.0, 2.0).eval()
    np.float64(22.0)
    """

    indices = (0,)
    discrete = (0,)
    computed_by = "mpmath, from Stirling numbers"

    def exact(self, mp: Any, n: Any, x: Any) -> Any:
        if not (mp.isint(n) and 0 <= n <= 230):
            return mp.nan
        from sympy.functions.combinatorial.numbers import stirling

        return mp.polyval([int(stirling(int(n), k)) for k in range(int(n), -1, -1)], x)


class partition(_Integers):
    """The number of partitions of n.

    >>> partition(100.0).eval()
    np.float64(190569292.0)
    """

    sympy_types = (sympy_numbers.partition,)
    least, largest = -(2.0**53), 80_000

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.partition, n)


class motzkin(_Integers):
    """The Motzkin numbers in SymPy's count, which starts with motzkin(1) = 1, motzkin(2) = 1, motzkin(3) = 2, motzkin(4) = 4.

    >>> motzkin([4.0, 5.0]).eval()
    array([4., 9.])
    """

    sympy_types = (sympy.motzkin,)
    least, largest = 1, 700

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy.motzkin, n)


class totient(_Integers):
    """Euler's totient: how many of 1, ..., n have no divisor in common with n.

    >>> totient(12.0).eval()
    np.float64(4.0)
    """

    sympy_types = (sympy_numbers.totient,)
    least = 1

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.totient, n)


class reduced_totient(_Integers):
    """Carmichael's function: the least m for which k**m is 1 modulo n for all k that have no divisor in common with n.

    >>> reduced_totient(12.0).eval()
    np.float64(2.0)
    """

    sympy_types = (sympy_numbers.reduced_totient,)
    least = 1

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.reduced_totient, n)


class mobius(_Integers):
    """The Moebius function: 0 if a square divides n, else 1 or -1 for an even or odd number of prime factors.

    >>> mobius(30.0).eval()
    np.float64(-1.0)
    """

    sympy_types = (sympy_numbers.mobius,)
    least = 1

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.mobius, n)


class primenu(_Integers):
    """The number of different prime factors.

    >>> primenu(12.0).eval()
    np.float64(2.0)
    """

    sympy_types = (sympy_numbers.primenu,)
    least = 1

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.primenu, n)


class primeomega(_Integers):
    """The number of prime factors, with their multiplicities.

    >>> primeomega(12.0).eval()
    np.float64(3.0)
    """

    sympy_types = (sympy_numbers.primeomega,)
    least = 1

    def exact(self, mp: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.primeomega, n)


class primepi(_Integers):
    """The number of primes up to x.

    >>> primepi([100.0, 1.5]).eval()
    array([25.,  0.])
    """

    sympy_types = (sympy_numbers.primepi,)
    least = -math.inf

    def exact(self, mp: Any, x: Any) -> Any:
        return 0 if x < 2 else self._integers(mp, sympy_numbers.primepi, mp.floor(x))


class divisor_sigma(_Integers):
    """The sum of the k-th powers of the divisors of n.

    >>> divisor_sigma(12.0, 1.0).eval()
    np.float64(28.0)
    """

    least = 1

    def exact(self, mp: Any, n: Any, k: Any) -> Any:
        return self._integers(mp, sympy_numbers.divisor_sigma, n, k)


class udivisor_sigma(_Integers):
    """The sum of the k-th powers of the unitary divisors d of n, those that have no divisor in common with n/d.

    >>> udivisor_sigma(12.0, 1.0).eval()
    np.float64(20.0)
    """

    least = 1

    def exact(self, mp: Any, n: Any, k: Any) -> Any:
        def product(n: Any, k: Any) -> Any:
            return sympy.Mul(*[1 + sympy.Integer(p) ** (e * k) for p, e in sympy.factorint(n).items()])

        return self._integers(mp, product, n, k)


class legendre_symbol(_Integers):
    """Legendre's symbol of a modulo an odd prime p: 0 if p divides a, 1 if a is a square modulo p, else -1.

    >>> legendre_symbol(2.0, 7.0).eval()
    np.float64(1.0)
    """

    sympy_types = (sympy_numbers.legendre_symbol,)
    least = -(2.0**53)

    def exact(self, mp: Any, a: Any, p: Any) -> Any:
        return self._integers(mp, sympy_numbers.legendre_symbol, a, p)


class jacobi_symbol(_Integers):
    """Jacobi's symbol of m modulo an odd n > 0.

    >>> jacobi_symbol(2.0, 15.0).eval()
    np.float64(1.0)
    """

    sympy_types = (sympy_numbers.jacobi_symbol,)
    least = -(2.0**53)

    def exact(self, mp: Any, m: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.jacobi_symbol, m, n)


class kronecker_symbol(_Integers):
    """Kronecker's symbol, which continues Jacobi's to all n.

    >>> kronecker_symbol(2.0, 15.0).eval()
    np.float64(1.0)
    """

    sympy_types = (sympy_numbers.kronecker_symbol,)
    least = -(2.0**53)

    def exact(self, mp: Any, a: Any, n: Any) -> Any:
        return self._integers(mp, sympy_numbers.kronecker_symbol, a, n)
