"""Real complaints about SymPy-to-NumPy compilation, as cases: CASES[i] = (id, thread, args, expr, inputs, right, options).

`expr` is a function that builds the expression; `right` is the right value, a check, 'error' (a clear error is right),
'error naming y', or 'noexec' (nothing hidden in a name may run). `thread` is the public discussion, where one was found.
Policies: P41b, P41c, P41e hold with domain="complex" (the real domain gives nan); matrices of scalars may have their batch axes first
(`symgraph.function`) or last (`symgraph.lambdify`); P61b (an expression in x with an assumption, argument x without) is an error.
`python pains.py` scores sympy.lambdify; use `run(case, lambdify=...)` for another compiler.
"""
import warnings

import numpy as np
import scipy.linalg as sl
import scipy.special as ss
from sympy import *
from sympy import lambdify as sympy_lambdify
from sympy.tensor.array.expressions import *

x,y,z,a,b,p=symbols('x y z a b p'); xr=Symbol('x',real=True)
i,j,k=symbols('i j k',integer=True); n,m,J=symbols('n m J',integer=True,positive=True)
A,B=MatrixSymbol('A',3,3),MatrixSymbol('B',3,3); v=MatrixSymbol('v',3,1); An,Bn=MatrixSymbol('A',n,n),MatrixSymbol('B',n,n)
P,Q=MatrixSymbol('P',2,2),MatrixSymbol('Q',2,2); xs=IndexedBase('x'); ws=IndexedBase('w')
AS=ArraySymbol('AS',(3,3)); MI=IndexedBase('M',shape=(J,J)); XI=IndexedBase('x',shape=(J,))
u=np.array([1.,2.,3.]); rng=np.random.default_rng(0); a3=rng.normal(size=(3,3))+3*np.eye(3); b3=rng.normal(size=(3,3)); v3=rng.normal(size=(3,1))
sym3=(a3+a3.T)/2+3*np.eye(3)
C = []


def c(id, thread, args, expr, inputs, right, note="", **options):
    C.append((id, thread, args, expr, inputs, right, options))

# --- shapes and broadcasting
c('P01a','sympy#5642',x,lambda:x/x,(u,),np.ones(3))
c('P01b','sympy#5642',x,lambda:diff(x**2,x,2),(u,),2*np.ones(3))
c('P02a','sympy#27632',(a,b),lambda:Matrix([[a,b],[a+b,b**2]]),(np.ones(5),10.),lambda r:np.shape(r) in((2,2,5),(5,2,2)))
c('P02c','sympy#19764',a,lambda:Array([[1,a],[0,2*a]]),(np.ones(4),),lambda r:np.shape(r) in((2,2,4),(4,2,2)))
c('P03a','sympy#12608',(x,y),lambda:And(x>0,y>0),(u,1.),np.array([True]*3))
c('P04','sympy#17269 #25660',x,lambda:Max(x,0),(np.array([-1.,1.]),),np.array([0.,1.]))
c('P05a','(none found)',(A,B),lambda:A*B,(np.stack([a3]*5),np.stack([b3]*5)),np.stack([a3@b3]*5))
c('P06b','(none found)',(A,v,MatrixSymbol('b',3,1)),lambda:A*v+MatrixSymbol('b',3,1),(a3,np.ones(3),np.ones((3,1))),(a3@np.ones(3)+1).reshape(3,1))
c('P06c','(none found)',P,lambda:P+P,(np.ones((7,5)),),'error')
c('P07a','sympy#18347-like',(x,y),lambda:2*x+y*0,([1,2,3],0),np.array([2,4,6]))
c('P07b','(none found)',(x,y),lambda:x+y,([1,2,3],[4,5,6]),np.array([5,7,9]))
# --- Piecewise
c('P10a','sympy#11306',(x,y),lambda:Piecewise((1/x,y<-1),(x,y<=1),(1/x,True)),(0,1),0)
c('P10c','sympy#14789 #28585',x,lambda:Piecewise((log(-x),x<0),(log(x),True)),(np.array([-2.,2.]),),np.log([2.,2.]))
c('P10d','sympy#15014',x,lambda:Piecewise((Symbol('never'),x<0),(x,True)),(1.,),1.)
c('P11','(none found)',x,lambda:Piecewise((x,x>0)),(np.array([-1.,1.]),),np.array([np.nan,1.]))
# --- matrix expressions
c('P20a','sympy#17013',A,lambda:Trace(A),(a3,),np.trace(a3))
c('P20b','sympy#17013',A,lambda:Determinant(A),(a3,),np.linalg.det(a3))
c('P20d','sympy#17138',(A,B),lambda:HadamardProduct(A*B,A),(a3,b3),(a3@b3)*a3)
c('P20e','(none found)',(A,v),lambda:(A*v).applyfunc(tanh),(a3,v3),np.tanh(a3@v3))
c('P20f','sympy#16857',(P,Q),lambda:BlockMatrix([[P,Q]]),(np.eye(2),np.ones((2,2))),np.hstack([np.eye(2),np.ones((2,2))]))
c('P20h','(none found)',A,lambda:Permanent(A),(a3,),lambda r:np.isfinite(r))
c('P21a','sympy#17006',An,lambda:An+Identity(n),(a3,),a3+np.eye(3))
c('P21b','(none found)',An,lambda:An+OneMatrix(n,n),(a3,),a3+1)
c('P21d','(none found)',An,lambda:n*An,(a3,),3*a3)
c('P22a','sympy#11807 #16813',A,lambda:exp(A),(sym3,),sl.expm(sym3))
c('P22c','(none found)',A,lambda:A**Rational(1,2),(sym3,),sl.sqrtm(sym3))
c('P23','(none found)',(v,MatrixSymbol('w',3,1)),lambda:DotProduct(v,MatrixSymbol('w',3,1)),(np.ones((3,1)),np.ones((3,1))),lambda r:np.shape(r)==())
c('P25','ComPWA/tensorwaves#555',MatrixSymbol(r'\hat A',2,2),lambda:MatrixSymbol(r'\hat A',2,2)[0,0],(np.eye(2),),1.)
# --- Sum / Product / Indexed / arrays
c('P30b','(none found)',(x,n),lambda:Sum(x**k,(k,0,n)),(2.,3.0),15.)
c('P30c','sympy#27932',y,lambda:Sum(1/x**y,(x,1,oo)),(4,),np.pi**4/90)
c('P30e','(none found)',m,lambda:Sum(i,(i,5,m)),(2,),-7)
c('P32a','sympy#21453',IndexedBase('z'),lambda:Sum(IndexedBase('z')[Idx(r'\alpha')],(Idx(r'\alpha'),0,9)),(np.arange(10.),),45.)
c('P32b','(none found)',(xs,i),lambda:xs[i-1],(np.arange(10.),0),'error')
c('P33b','(none found)',AS,lambda:ArrayElementwiseApplyFunc(sin,AS),(a3,),np.sin(a3))
# --- numbers, dtypes, complex
c('P40a','(none found)',x,lambda:x**20,(np.array([10,20]),),np.array([1e20,20.**20]))
c('P40b','(none found)',x,lambda:2**x,(np.array([64,100]),),2.**np.array([64,100]))
c('P40d','sympy#26862',(x,y),lambda:x**y,(np.array([1,2]),np.array([-1,-2])),np.array([1.,.25]))
c('P41a','sympy#21751',x,lambda:im(sqrt(-x)),(10.,),sqrt(10).evalf().__float__())
c('P41b','sympy#24095',x,lambda:sqrt(x),(-2.0,),1.4142135623730951j)
c('P41c','sympy#11463',x,lambda:x**Rational(1,3),(np.array([-8.]),),np.array([1+1.7320508075688772j]))
c('P41e','(none found)',x,lambda:(-1)**x,(np.array([.5]),),np.array([1j]))
c('P42a','bjodah sympy#24323',x,lambda:exp(x)-1,(1e-18,),1e-18)
c('P42c','(none found)',x,lambda:1-cos(x),(1e-9,),5e-19)
c('P43','sympy#16464',x,lambda:(sqrt(2)-x).evalf(32),(sqrt(2),),lambda r:abs(N(r,20))<1e-28,modules='sympy')
c('P45','sympy#11306',x,lambda:1/x,(0,),np.inf)
# --- functions
for q,(f,val,ref) in enumerate([(lambda:hyper([1,2],[3],x),.3,ss.hyp2f1(1,2,3,.3)),(lambda:elliptic_k(x),.3,ss.ellipk(.3)),(lambda:expint(2,x),.3,ss.expn(2,.3)),(lambda:Shi(x),.3,ss.shichi(.3)[0]),(lambda:fibonacci(x),7,13),(lambda:KroneckerDelta(x,1),np.array([1,2]),np.array([1,0])),(lambda:lerchphi(x,2,1),.3,ss.spence(.7)/.3)]):
    c('P50'+chr(97+q),'sympy#18179 #24175 #17746 #27932',x,f,(val,),ref)
c('P51a','sympy#9339',x,lambda:Derivative(sin(x),x),(.1,),np.cos(.1))
c('P51c','sympy#22726',xr,lambda:diff(sign(xr),xr),(u,),np.zeros(3))
c('P52a','sympy#19641 comment',x,lambda:Integral(exp(-x*y),(y,0,1)),(u,),(1-np.exp(-u))/u)
c('P52b','(none found)',x,lambda:Integral(exp(I*y*x),(y,0,1)),(2.,),(np.exp(2j)-1)/2j)
# --- names, binding, safety
c('P60a','sympy#24990',x,lambda:Symbol('__import__("builtins").setattr(__import__("builtins"),"PWNED",1) or 7'),(42,),'noexec')
c('P61b','spcl/dace#2486',x,lambda:xr+1,(3,),'error')
c('P62a','(none found)',(Symbol('sin'),x),lambda:Symbol('sin')+sin(x),(3.,1.),3+np.sin(1))
c('P62b','(none found)',Symbol('pi'),lambda:Symbol('pi')+pi,(3.,),3+np.pi)
c('P62d','(none found)',Symbol('select'),lambda:Piecewise((Symbol('select'),Symbol('select')>0),(0,True)),(1.,),1.)
c('P63a','sympy#9122 #25136',x,lambda:x+y,(2,),'error')
c('P63c','sympy#9339',x,lambda:Function('f')(x),(2,),'error')
# --- things reported and now fixed (controls)
c('F01','sympy#21611',z,lambda:Piecewise((0,z<0),(18.2*z+4.2*Min(60.3,z)**2-18.2*Min(45.3,z),True)),(np.array([0.,30.,100.]),),np.array([0.,18.2*30+4.2*900-18.2*30,18.2*100+4.2*60.3**2-18.2*45.3]))
c('F03','sympy#27174',x,lambda:Matrix(0,1,[]),(1,),lambda r:np.shape(r)==(0,1))
c('F04','sympy#26888',(xs,Idx('i')),lambda:xs[Idx('i')],(np.arange(10),3),3)
c('F05','sympy#26807',AS,lambda:AS,(a3,),a3)
c('F06','sympy#15827',A,lambda:2*A,(a3,),2*a3)
c('F08','sympy#24175',x,lambda:Si(x),(1.,),ss.sici(1.)[0])
c('F09','sympy#10844 #13753',(Function('f')(x),Function('f')(x).diff(x)),lambda:Function('f')(x)+Function('f')(x).diff(x),(1.,2.),3.)

CASES = C


def run(case, lambdify=sympy_lambdify):
    """Status and a short text for one case: 'ok', or what went wrong."""
    id, thread, args, expr, inputs, right, options = case
    import builtins
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            compiled = lambdify(args, expr(), **options)
        except Exception as error:
            if isinstance(right, str):
                good = right in ("error", "noexec") or " y" in f" {error}"
                return ("ok" if good else "MESSAGE"), f"build {type(error).__name__}: {error}"
            return "RAISES", f"build {type(error).__name__}: {error}"
        try:
            result = compiled(*inputs)
        except Exception as error:
            if isinstance(right, str):
                return ("ok" if right != "error naming y" or " y" in f" {error}" else "MESSAGE"), f"call {type(error).__name__}: {error}"
            return "RAISES", f"call {type(error).__name__}: {error}"
    if hasattr(builtins, "PWNED"):
        del builtins.PWNED
        return "UNSAFE", "code hidden in a name was run"
    if isinstance(right, str) and right == "noexec":
        return "ok", repr(result)[:70]
    if isinstance(right, str):
        return "WRONG", f"no error: {result!r}"[:90]
    if callable(right):
        return ("ok" if right(result) else "WRONG"), repr(result)[:70]
    got, want = np.asarray(result), np.asarray(right)
    if got.dtype == object or isinstance(result, list):
        return "WRONG", f"type {type(result).__name__}, {got.dtype}"
    if got.shape != want.shape:
        return "SHAPE", f"{got.shape} for {want.shape}"
    if not np.allclose(got.astype(complex), want.astype(complex), rtol=1e-6, atol=1e-300, equal_nan=True):
        return "WRONG", repr(result)[:70]
    return ("WARNS", str(caught[0].message)) if caught else ("ok", "")


if __name__ == "__main__":
    from collections import Counter
    count = Counter()
    for case in CASES:
        status, text = run(case)
        count[status] += 1
        print(f"{case[0]:6s} {status:8s} {case[1]:30s} {text[:90]}")
    print(dict(count))
