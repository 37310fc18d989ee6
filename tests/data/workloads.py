"""Real workloads of people who turn SymPy into numbers: W[name]() -> (args, expr, sample inputs).

Robotics, multibody dynamics, chemistry, oscillators, likelihoods, amplitude analysis, symbolic regression, networks, filters, stencils.
`python workloads.py` tries them with sympy.lambdify.
"""
import numpy as np
import sympy as sp
from sympy import *

W={}
def w(f): W[f.__name__]=f; return f

@w
def n_pendulum(n=3):
    import sympy.physics.mechanics as me
    from sympy.physics.mechanics.models import n_link_pendulum_on_cart
    s=n_link_pendulum_on_cart(n); M,F=s.mass_matrix_full,s.forcing_full
    e=M.row_join(F); t=me.dynamicsymbols._t
    dyn=sorted(me.find_dynamicsymbols(e),key=str); par=sorted(e.free_symbols-{t},key=str)
    return dyn+par, e, [0.1*(i+1) for i in range(len(dyn)+len(par))]
@w
def robot_arm_jacobian(n=6):
    q=symbols(f'q0:{n}'); T=eye(4)
    for i,a in enumerate(q):
        al=pi/2*(i%2); T=T*Matrix([[cos(a),-sin(a)*cos(al),sin(a)*sin(al),0.3*cos(a)],[sin(a),cos(a)*cos(al),-cos(a)*sin(al),0.3*sin(a)],[0,sin(al),cos(al),0.1],[0,0,0,1]])
    p=T[:3,3]; return list(q), p.row_join(p.jacobian(q)), [np.linspace(-1,1,100)]*n
@w
def mass_action(ns=30,nr=60,seed=0):
    r=np.random.default_rng(seed); y=symbols(f'y0:{ns}'); k=symbols(f'k0:{nr}'); f=[Integer(0)]*ns
    for j in range(nr):
        a,b,c=map(int,r.choice(ns,3,replace=False)); v=k[j]*y[a]*y[b]; f[a]-=v; f[b]-=v; f[c]+=v
    f=Matrix(f); return list(y)+list(k), (f,f.jacobian(y)), list(r.random(ns+nr))
@w
def kuramoto(N=50,seed=0):
    r=np.random.default_rng(seed); A=r.random((N,N))<.2; th=symbols(f'th0:{N}'); c=Symbol('c')
    return [*th,c], Matrix([0.1*i+c/(N-1)*Add(*[sin(th[j]-th[i]) for j in range(N) if A[j,i]]) for i in range(N)]), list(r.random(N+1))
@w
def gmm_loglik(K=3):
    x=IndexedBase('x'); i=Idx('i'); n=Symbol('n',integer=True); i=Symbol('i',integer=True)
    p,m,s=[symbols(f'{c}0:{K}') for c in 'pms']
    d=Add(*[p[k]/sqrt(2*pi)/s[k]*exp(-(x[i]-m[k])**2/2/s[k]**2) for k in range(K)])
    return [x,n,*p,*m,*s], Sum(log(d),(i,0,n-1)), [np.random.default_rng(0).normal(size=1000),1000,.3,.3,.4,-1.,0.,1.,1.,2.,.5]
@w
def breit_wigner_amplitude(R=4):
    s,th=symbols('s theta',positive=True); a=[]; args=[s,th]; vals=[np.linspace(1.,9.,1000),np.linspace(0.1,3.,1000)]
    for r in range(R):
        m,g,c,ph=symbols(f'm{r} g{r} c{r} phi{r}'); q2=s/4-Rational(1,50); q02=m**2/4-Rational(1,50)
        bl=(1+q02)/(1+q2); gam=g*(sqrt(q2)/sqrt(q02))**3*bl*m/sqrt(s)
        a.append(c*exp(I*ph)*m*g/(m**2-s-I*m*gam)*legendre(r,cos(th))); args+=[m,g,c,ph]; vals+=[1.+.5*r,.1,1.,.3*r]
    return args, Abs(Add(*a))**2, vals
@w
def feynman_batch():
    names=['theta', 'sigma', 'm', 'm1', 'm2', 'G', 'x1', 'x2', 'q', 'Ef', 'B', 'v', 'c', 'k', 'T', 'n', 'h', 'omega']; S=dict(zip(names,symbols(names,positive=True)))
    eq=['exp(-(theta/sigma)**2/2)/sqrt(2*pi)/sigma','m/sqrt(1-(v/c)**2)','G*m1*m2/(x2-x1)**2','q*(Ef+B*v*sin(theta))','h*omega/(exp(h*omega/(k*T))-1)','sqrt(x1**2+x2**2-2*x1*x2*cos(theta1-theta2))'.replace('theta1-theta2','theta'),'k*T*log(x2/x1)*n','n/(exp(m*B/(k*T))+exp(-m*B/(k*T)))','asin(sigma*sin(theta)/n)']
    e=[sympify(q,locals=S) for q in eq]; a=sorted(set().union(*[q.free_symbols for q in e]),key=str)
    r=np.random.default_rng(0); return a, Matrix(e), [r.uniform(1,2,500)*(20 if s.name=='c' else .3 if s.name=='theta' else .5 if s.name=='sigma' else 1) for s in a]
@w
def symreg_population(P=50,seed=0):
    r=np.random.default_rng(seed); v=symbols('x0:3'); un=[sin,cos,exp,lambda e:log(Abs(e)+1),lambda e:sqrt(Abs(e))]; bi=[lambda a,b:a+b,lambda a,b:a*b,lambda a,b:a-b,lambda a,b:a/(1+b**2),Max]
    def g(d):
        if d==0 or r.random()<.2: return v[r.integers(3)] if r.random()<.7 else Float(round(float(r.normal()),3))
        return un[r.integers(5)](g(d-1)) if r.random()<.4 else bi[r.integers(5)](g(d-1),g(d-1))
    return list(v), [g(4) for _ in range(P)], [r.normal(size=1000) for _ in v]
@w
def mlp(n_in=8,n_h=32,n_out=4):
    B=Symbol('B',integer=True,positive=True)
    X=MatrixSymbol('X',n_in,B); W1=MatrixSymbol('W1',n_h,n_in); b1=MatrixSymbol('b1',n_h,1); W2=MatrixSymbol('W2',n_out,n_h); one=OneMatrix(1,B)
    r=np.random.default_rng(0)
    return [X,W1,b1,W2], W2*(W1*X+b1*one).applyfunc(tanh), [r.normal(size=s) for s in ((n_in,16),(n_h,n_in),(n_h,1),(n_out,n_h))]
@w
def kalman_update(n=4,m=2):
    x,P,F,Q=MatrixSymbol('x',n,1),MatrixSymbol('P',n,n),MatrixSymbol('F',n,n),MatrixSymbol('Q',n,n); H,R,z=MatrixSymbol('H',m,n),MatrixSymbol('R',m,m),MatrixSymbol('z',m,1)
    xp=F*x; Pp=F*P*F.T+Q; K=Pp*H.T*(H*Pp*H.T+R).I
    r=np.random.default_rng(0); g=lambda *s:r.normal(size=s)
    return [x,P,F,Q,H,R,z], (xp+K*(z-H*xp),(Identity(n)-K*H)*Pp), [g(n,1),np.eye(n),g(n,n),np.eye(n),g(m,n),np.eye(m),g(m,1)]
@w
def heat_stencil():
    u=IndexedBase('u'); i,j=symbols('i j',integer=True); al=Symbol('alpha')
    e=u[i,j]+al*(u[i+1,j]+u[i-1,j]+u[i,j+1]+u[i,j-1]-4*u[i,j]); I_,J_=np.meshgrid(np.arange(1,63),np.arange(1,63),indexing='ij')
    return [u,i,j,al], e, [np.random.default_rng(0).random((64,64)),I_,J_,.1]
@w
def kaiser_pulse():
    t,tg,b,A,f=symbols('t t_g beta A f',positive=True); env=besseli(0,b*sqrt(Max(0,1-(2*t/tg-1)**2)))/besseli(0,b)
    return [t,tg,b,A,f], Piecewise((0,t<0),(A*env*cos(2*pi*f*t),t<=tg),(0,True)), [np.linspace(-10,110,2000),100.,5.,1.,.05]
@w
def peak_fit_gradient(P=3):
    x=Symbol('x'); pr=[]; m=Integer(0); vals=[np.linspace(-5,5,500)]
    for k in range(P):
        h,c,wd,et=symbols(f'h{k} c{k} w{k} eta{k}'); m+=h*(et/(1+((x-c)/wd)**2)+(1-et)*exp(-log(2)*((x-c)/wd)**2)); pr+=[h,c,wd,et]; vals+=[1.,k-1.,.5,.3]
    return [x,*pr], Matrix([m,*[m.diff(p) for p in pr]]), vals
@w
def opty_constraints(n=4):
    q=symbols(f'q0:{n}'); qp=symbols(f'qp0:{n}'); u=symbols(f'u0:{n}'); h,l,mm,g=symbols('h l m g')
    c=Matrix([mm*l**2*(qp[i]-q[i])/h+mm*g*l*Add(*[sin(q[j]) for j in range(i,n)])+u[i]*cos(q[i]-q[i-1]) for i in range(n)])
    return [*q,*qp,*u,h,l,mm,g], (c,c.jacobian([*q,*qp,*u])), [np.linspace(0,1,200)]*(3*n)+[.01,1.,1.,9.81]
if __name__=='__main__':
    import time; import warnings; warnings.filterwarnings('ignore')
    for nme,f in W.items():
        t=time.perf_counter(); a,e,v=f(); tb=time.perf_counter()-t
        ops=sum(sp.count_ops(q) for q in (e if isinstance(e,(tuple,list)) else [e])) if not isinstance(e,MatrixExpr) else '-'
        r=[]
        for cse in (False,True):
            try:
                t=time.perf_counter(); g=lambdify(a,e,cse=cse); tl=time.perf_counter()-t
                t=time.perf_counter(); o=g(*v); tc=time.perf_counter()-t
                sh=[np.shape(q) for q in o] if isinstance(o,(tuple,list)) and len(o)<5 else (np.shape(o) if not isinstance(o,list) else f'list{len(o)}')
                r.append(f'ok lamb {tl*1e3:.0f}ms call {tc*1e3:.2f}ms {sh}')
            except Exception as ex: r.append(f'{type(ex).__name__}: {str(ex)[:70]}')
        print(f'{nme:28s} build {tb:.2f}s ops {ops} | {r[0]} | cse: {r[1]}',flush=True)
