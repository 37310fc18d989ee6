"""The derivatives that a Function has as methods; they are made in the module `derivatives`."""

from __future__ import annotations

from typing import Any

from .graph import OPERATORS

__all__ = ["Differentiable"]


class Differentiable:
    """What has outputs and arguments, and derivatives as methods: each gives a Function.

    >>> import sympy
    >>> from symgraph import function
    >>> x = sympy.Symbol("x")
    >>> function(x, x**2).grad(x)(3.0)
    np.float64(6.0)
    """

    def _derivative(self, kind: str, wrt: Any = None, sparse: bool = False) -> Any:
        return OPERATORS["derivative"](self, kind, wrt, sparse)

    def grad(self, wrt: Any = None) -> Any:
        """The gradient of the one output, a scalar, as a Function of the same arguments.

        Args:
            wrt: an argument's symbol; or a list of them, or None for all, and then the result is a tuple with one gradient for each.

        Each gradient has the batch shape, then the argument's own. At kinks it is that of `symgraph.gradients`; for complex values see there.

        >>> import sympy
        >>> from symgraph import function
        >>> x, y = sympy.symbols("x y")
        >>> function((x, y), x * y**2).grad()(2.0, 3.0)
        (np.float64(9.0), np.float64(12.0))
        """
        return self._derivative("grad", wrt)

    def value_and_grad(self, wrt: Any = None) -> Any:
        """The output and its gradient (see `grad`), computed together.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> function(x, x**3).value_and_grad(x)(2.0)
        (np.float64(8.0), np.float64(12.0))
        """
        return self._derivative("value_and_grad", wrt)

    def jac(self, wrt: Any = None, sparse: bool = False) -> Any:
        """The derivatives of each output: for one symbol `wrt` of shape s, arrays of the batch shape, then the output's own, then s.

        It is computed by the cheaper mode, forward or reverse. With `sparse` the result is a `scipy.sparse.csr_array` at one point, whose rows
        are all entries of all outputs and whose columns those of all `wrt`; see `symgraph.sparse.SparseDerivative`.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.MatrixSymbol("x", 2, 1)
        >>> function(x, sympy.Matrix([x[0] * x[1], x[1]])).jac(x)([2.0, 3.0])[:, 0, :, 0]
        array([[3., 2.],
               [0., 1.]])
        """
        return self._derivative("jac", wrt, sparse)

    def hess(self, wrt: Any = None, sparse: bool = False) -> Any:
        """The second derivatives of the one output, a scalar; for several `wrt` a tuple of tuples. `sparse` as for `jac`.

        >>> import sympy
        >>> from symgraph import function
        >>> x, y = sympy.symbols("x y")
        >>> function((x, y), x**2 * y).hess()(2.0, 3.0)
        ((np.float64(6.0), np.float64(4.0)), (np.float64(4.0), np.float64(0.0)))
        """
        return self._derivative("hess", wrt, sparse)

    def hessp(self, wrt: Any = None) -> Any:
        """The second derivatives times a vector, without the matrix: takes the arguments, then for each `wrt` a vector of its shape.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> function(x, x**3).hessp(x)(2.0, 10.0)
        np.float64(120.0)
        """
        return self._derivative("hessp", wrt)

    def jvp(self, wrt: Any = None) -> Any:
        """The outputs, and how they change: takes the arguments, then for each `wrt` its change. By forward mode.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> function(x, [x**2, 3 * x]).jvp(x)(2.0, 10.0)
        ([np.float64(4.0), np.float64(6.0)], [np.float64(40.0), np.float64(30.0)])
        """
        return self._derivative("jvp", wrt)

    def vjp(self, wrt: Any = None) -> Any:
        """The outputs, and the gradient of their sum with weights: takes the arguments, then for each output its weights. By reverse mode.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> function(x, [x**2, 3 * x]).vjp(x)(2.0, 1.0, 100.0)
        ([np.float64(4.0), np.float64(6.0)], np.float64(304.0))
        """
        return self._derivative("vjp", wrt)
