package observe

import "testing"

// pmin=10, pmax=60, and the time since the last notification.
func TestPeriods(t *testing.T) {
	const start = "0 write 1 $T pmin=10 pmax=60;0 observe 1 a $T;"
	runTimings(t, []timing{
		{"change inside pmin", start + "3 set $T=21;30 run", "10 a $T=21"},
		{"two changes inside pmin", start + "3 set $T=21;7 set $T=22;30 run", "10 a $T=22"},
		{"there and back inside pmin", start + "3 set $T=21;7 set $T=20;59 run", ""},
		{"no change", start + "121 run", "60 a $T=20;120 a $T=20"},
		{"change late", start + "55 set $T=21;116 run", "55 a $T=21;115 a $T=21"},
		{"change just inside pmin", start + "9.999 set $T=21;30 run", "10 a $T=21"},
		{"change when pmin passes", start + "10 set $T=21;30 run", "10 a $T=21"},
		{"change just after pmin", start + "10.001 set $T=21;30 run", "10.001 a $T=21"},
		{"pmin counts from each notification", start + "12 set $T=21;13 set $T=22;23 set $T=23;40 run", "12 a $T=21;22 a $T=22;32 a $T=23"},
		{"change when pmax passes", start + "60 set $T=21;119 run", "60 a $T=21"},
		{"told but equal", start + "20 set $T=20;30 tell $T;59 run", ""},
		{"change of something else", start + "20 set $U=1;30 set /3303/0/5701=Cel;59 run", ""},
		{"pmax below pmin is ignored", "0 write 1 $T pmin=20 pmax=10;0 observe 1 a $T;3 set $T=21;100 run", "20 a $T=21"},
		{"pmax equal to pmin", "0 write 1 $T pmin=10 pmax=10;0 observe 1 a $T;3 set $T=21;21 run", "10 a $T=21;20 a $T=21"},
		{"pmax 0 is ignored", "0 write 1 $T pmax=0;0 observe 1 a $T;1000 run", ""},
		{"no attributes", "0 observe 1 a $T;1 set $T=21;1.001 set $T=22;1000 run", "1 a $T=21;1.001 a $T=22"},
		{"a burst", "0 write 1 $T pmin=1;0 observe 1 a $T;0.2 set $T=21;0.4 set $T=22;0.6 set $T=23;0.8 set $T=24;1.2 set $T=25;3 run",
			"1 a $T=24;2 a $T=25"},
	})
}

// Where attributes come from.
func TestLevels(t *testing.T) {
	runTimings(t, []timing{
		{"Object", "0 write 1 /3303 pmin=5;0 observe 1 a $T;1 set $T=21;30 run", "5 a $T=21"},
		{"Object Instance before Object", "0 write 1 /3303 pmin=5;0 write 1 /3303/0 pmin=7;0 observe 1 a $T;1 set $T=21;30 run", "7 a $T=21"},
		{"Resource before Object Instance", "0 write 1 /3303/0 pmin=7;0 write 1 $T pmin=3;0 observe 1 a $T;1 set $T=21;30 run", "3 a $T=21"},
		{"pmin 0 before pmin of the Object", "0 write 1 /3303 pmin=5;0 write 1 $T pmin=0;0 observe 1 a $T;1 set $T=21;30 run", "1 a $T=21"},
		{"each attribute for itself", "0 write 1 /3303 pmin=5 pmax=9;0 write 1 $T pmin=7;0 observe 1 a $T;1 set $T=21;17 run", "7 a $T=21;16 a $T=21"},
		{"Resource Instance before Resource", "0 write 1 $M pmin=7;0 write 1 $M/1 pmin=3;0 observe 1 a $M/1;1 set $M/1=1;30 run", "3 a $M/1=1"},
		{"Resource Instance inherits thresholds", "0 write 1 $M gt=4000;0 observe 1 a $M/1;1 set $M/1=3500;2 set $M/1=4100;30 run", "2 a $M/1=4100"},
		{"thresholds are not for multiple Resources", "0 write 1 $M gt=4000;0 observe 1 a $M;1 set $M/1=3301;30 run", "1 a $M/0=5000 $M/1=3301"},
		{"lower levels do not count", "0 write 1 $T pmin=5 gt=25;0 observe 1 a /3303/0;1 set $T=21;30 run", "1 a $T=21"},
		{"level of the observation counts", "0 write 1 /3303/0 pmin=5;0 write 1 $T pmin=1;0 observe 1 a /3303/0;1 set $T=21;30 run", "5 a $T=21"},
		{"Object observed", "0 write 1 /3303 pmin=5;0 observe 1 a /3303;1 set $T=21;2 set $U=22;30 run", "5 a $T=21 $U=22"},
		{"each Server has its own", "0 write 1 $T pmin=5;0 write 2 $T pmin=8;0 observe 1 a $T;0 observe 2 a $T;1 set $T=21;30 run",
			"5 a $T=21;8 2#a $T=21"},
		{"defaults of the account", "0 account 1 pmin=5 pmax=9;0 observe 1 a $T;1 set $T=21;15 run", "5 a $T=21;14 a $T=21"},
		{"defaults of the account come last", "0 account 1 pmin=5 pmax=9;0 write 1 /3303 pmax=20;0 observe 1 a $T;1 set $T=21;26 run", "5 a $T=21;25 a $T=21"},
		{"pmax below the default pmin", "0 account 1 pmin=5;0 write 1 $T pmax=3;0 observe 1 a $T;30 run", ""},
		{"defaults of another account", "0 account 2 pmin=5;0 observe 1 a $T;1 set $T=21;30 run", "1 a $T=21"},
		{"request instead of attached", "0 write 1 $T pmin=50 pmax=60;0 observe 1 a pmin=5 $T;1 set $T=21;100 run", "5 a $T=21"},
		{"request and then Write-Attributes", "0 observe 1 a pmin=5 $T;1 write 1 $T pmin=50;2 set $T=21;100 run", "5 a $T=21"},
		{"request before defaults", "0 account 1 pmin=20 pmax=30;0 observe 1 a pmin=5 $T;1 set $T=21;36 run", "5 a $T=21;35 a $T=21"},
		{"request with thresholds", "0 observe 1 a gt=25 pmax=10 $T;1 set $T=24;2 set $T=26;12.5 run", "2 a $T=26;12 a $T=26"},
		{"request again without", "0 observe 1 a pmin=5 $T;0 observe 1 b $T;1 set $T=21;100 run", "1 b $T=21"},
	})
}

// Attributes change while something is observed.
func TestAttributesChange(t *testing.T) {
	runTimings(t, []timing{
		{"pmax lowered", "0 write 1 $T pmax=100;0 observe 1 a $T;20 write 1 $T pmax=30;61 run", "30 a $T=20;60 a $T=20"},
		{"pmax lowered to what has passed", "0 write 1 $T pmax=100;0 observe 1 a $T;50 write 1 $T pmax=30;81 run", "50 a $T=20;80 a $T=20"},
		{"pmax raised", "0 write 1 $T pmax=30;0 observe 1 a $T;20 write 1 $T pmax=100;101 run", "100 a $T=20"},
		{"pmax given", "0 observe 1 a $T;20 write 1 /3303 pmax=30;31 run", "30 a $T=20"},
		{"pmax removed", "0 write 1 $T pmax=30;0 observe 1 a $T;20 write 1 $T pmax;100 run", ""},
		{"pmax removed uncovers another", "0 write 1 /3303 pmax=40;0 write 1 $T pmax=30;0 observe 1 a $T;20 write 1 $T pmax;41 run", "40 a $T=20"},
		{"pmin raised above pmax", "0 write 1 $T pmax=30;0 observe 1 a $T;20 write 1 $T pmin=31;100 run", ""},
		{"pmin raised while pending", "0 write 1 $T pmin=10;0 observe 1 a $T;3 set $T=21;5 write 1 $T pmin=30;50 run", "30 a $T=21"},
		{"pmin lowered while pending", "0 write 1 $T pmin=30;0 observe 1 a $T;3 set $T=21;5 write 1 $T pmin=10;50 run", "10 a $T=21"},
		{"pmin removed while pending", "0 write 1 $T pmin=60;0 observe 1 a $T;3 set $T=21;20 write 1 $T pmin;50 run", "20 a $T=21"},
		{"default pmin lowered while pending", "0 account 1 pmin=60;0 observe 1 a $T;3 set $T=21;20 account 1 pmin=30;50 run", "30 a $T=21"},
		{"default pmax lowered", "0 account 1 pmax=60;0 observe 1 a $T;20 account 1 pmax=30;50 run", "30 a $T=20"},
		{"threshold given while pending", "0 write 1 $T pmin=10;0 observe 1 a $T;3 set $T=21;5 write 1 $T gt=25;12 set $T=26;50 run", "12 a $T=26"},
		{"threshold removed", "0 write 1 $T st=10;0 observe 1 a $T;5 set $T=25;8 write 1 $T st;50 run", "8 a $T=25"},
		{"threshold removed, nothing was held back", "0 write 1 $T st=10;0 observe 1 a $T;5 set $T=25;6 set $T=20;8 write 1 $T st;50 run", ""},
		{"threshold lowered", "0 write 1 $T st=10;0 observe 1 a $T;5 set $T=25;8 write 1 $T st=6;9 write 1 $T st=5;50 run", "9 a $T=25"},
		{"refused", "0 write 1 $T gt=30 lt=25 pmax=10;0 observe 1 a $T;5 write 1 $T st=5 pmax=5;11 run",
			`5 (attributes contradict each other: "st": lt + 2*st must be less than gt);10 a $T=20`},
		{"of a lower level", "0 observe 1 a /3303/0;5 write 1 $T pmax=10;100 run", ""},
		{"of another Server", "0 observe 1 a $T;5 write 2 $T pmax=10;100 run", ""},
		{"account gone", "0 write 1 $T pmax=10;0 account 1 pmin=5;0 observe 1 a $T;5 forget 1;6 observe 1 a $T;7 set $T=21;100 run",
			"5 (ended 1);7 a $T=21"},
	})
}

// The evaluation periods. Values that are measured change without telling.
func TestEvaluationPeriods(t *testing.T) {
	runTimings(t, []timing{
		{"epmin holds a change", "0 write 1 $T epmin=10;0 observe 1 a $T;3 set $T=21;12 set $T=22;50 run", "10 a $T=21;20 a $T=22"},
		{"epmin without change", "0 write 1 $T epmin=10;0 observe 1 a $T;50 set $T=21;100 run", "50 a $T=21"},
		{"epmin counts from evaluations", "0 write 1 $T epmin=10 st=5;0 observe 1 a $T;3 set $T=21;11 set $T=30;50 run", "20 a $T=30"},
		{"epmin misses what comes and goes", "0 write 1 $T epmin=10 gt=25;0 observe 1 a $T;3 set $T=30;7 set $T=20;50 run", ""},
		{"epmin after pmin", "0 write 1 $T pmin=10 epmin=15;0 observe 1 a $T;3 set $T=21;50 run", "15 a $T=21"},
		{"pmin after epmin", "0 write 1 $T pmin=15 epmin=10;0 observe 1 a $T;3 set $T=21;50 run", "15 a $T=21"},
		{"pmax does not wait for epmin", "0 write 1 $T pmax=5 epmin=8;0 observe 1 a $T;1 set $T=21;11 run", "5 a $T=21;10 a $T=21"},
		{"a notification is an evaluation", "0 write 1 $T pmax=5 epmin=4;0 observe 1 a $T;6 set $T=21;9.5 run", "5 a $T=20;9 a $T=21"},
		{"epmax finds a change", "0 write 1 $T epmax=10;0 observe 1 a $T;3 measure $T=21;12 measure $T=22;35 run", "10 a $T=21;20 a $T=22"},
		{"without epmax nobody looks", "0 observe 1 a $T;3 measure $T=21;100 run", ""},
		{"pmax looks", "0 write 1 $T pmax=30;0 observe 1 a $T;3 measure $T=21;31 run", "30 a $T=21"},
		{"epmax with threshold", "0 write 1 $T epmax=10 gt=25;0 observe 1 a $T;3 measure $T=24;12 measure $T=26;35 run", "20 a $T=26"},
		{"epmax counts from evaluations", "0 write 1 $T epmax=10;0 observe 1 a $T;6 set $T=21;8 measure $T=22;30 run", "6 a $T=21;16 a $T=22"},
		{"epmax inside pmin", "0 write 1 $T pmin=25 epmax=10;0 observe 1 a $T;3 measure $T=21;22 measure $T=22;24 measure $T=23;40 run", "25 a $T=23"},
		{"epmax inside pmin, there and back", "0 write 1 $T pmin=25 epmax=10;0 observe 1 a $T;3 measure $T=21;12 measure $T=20;40 run", ""},
		{"epmax 0 is ignored", "0 write 1 $T epmax=0;0 observe 1 a $T;3 measure $T=21;100 run", ""},
		{"epmax not above epmin is ignored", "0 write 1 $T epmax=10;0 write 1 /3303 epmin=10;0 observe 1 a $T;3 measure $T=21;100 run", ""},
		{"epmax at a higher level", "0 write 1 /3303 epmax=10;0 observe 1 a /3303/0;3 measure $T=21;11 run", "10 a $T=21"},
		{"epmax finds an edge inside pmin", "0 write 1 $B pmin=25 epmax=10 edge=1;0 observe 1 a $B;3 measure $B=true;40 run", "25 a $B=true"},
		{"epmax lowered", "0 write 1 $T epmax=50;0 observe 1 a $T;3 measure $T=21;30 write 1 $T epmax=10;31 run", "30 a $T=21"},
	})
}

// Several paths in one observation.
func TestComposite(t *testing.T) {
	runTimings(t, []timing{
		{"all of the list", "0 observe 1 a $T $S;1 set $S=51;30 run", "1 a $T=20 $S=51"},
		{"a change set is one notification", "0 observe 1 a $T $S;1 set $T=21 $S=51;30 run", "1 a $T=21 $S=51"},
		{"pmin of the path that changed", "0 write 1 $T pmin=10;0 observe 1 a $T $S;3 set $T=21;30 run", "10 a $T=21 $S=50"},
		{"no pmin of the path that changed", "0 write 1 $T pmin=10;0 observe 1 a $T $S;3 set $S=51;30 run", "3 a $T=20 $S=51"},
		{"both changed", "0 write 1 $T pmin=10;0 observe 1 a $T $S;3 set $T=21;5 set $S=51;30 run", "5 a $T=21 $S=51"},
		{"different pmin", "0 write 1 $T pmin=10;0 write 1 $S pmin=20;0 observe 1 a $T $S;3 set $S=51;4 set $T=21;12 set $T=22;30 run",
			"10 a $T=21 $S=51;20 a $T=22 $S=51"},
		{"different pmin, first back", "0 write 1 $T pmin=10;0 write 1 $S pmin=20;0 observe 1 a $T $S;3 set $S=51;4 set $T=21;5 set $T=20;30 run",
			"20 a $T=20 $S=51"},
		{"smallest pmax", "0 write 1 $T pmax=40;0 write 1 $S pmax=30;0 observe 1 a $T $S;61 run", "30 a $T=20 $S=50;60 a $T=20 $S=50"},
		{"pmax of the account beats that of a path", "0 account 1 pmax=10;0 write 1 $T pmax=45;0 observe 1 a $T $S;11 run", "10 a $T=20 $S=50"},
		{"pmax below pmin is ignored", "0 write 1 $T pmin=20 pmax=10;0 write 1 $S pmax=30;0 observe 1 a $T $S;31 run", "30 a $T=20 $S=50"},
		{"pmax does not wait for pmin of others", "0 write 1 $T pmin=60;0 write 1 $S pmax=30;0 observe 1 a $T $S;3 set $T=21;31 run", "30 a $T=21 $S=50"},
		{"thresholds of each path", "0 write 1 $T gt=25;0 observe 1 a $T $S;1 set $T=24;2 set $S=51;3 set $T=26;30 run",
			"2 a $T=24 $S=51;3 a $T=26 $S=51"},
		{"what was sent counts, whatever sent it", "0 write 1 $T st=5;0 observe 1 a $T $S;1 set $T=24;2 set $S=51;3 set $T=28;4 set $T=29;30 run",
			"2 a $T=24 $S=51;4 a $T=29 $S=51"},
		{"epmax of each path", "0 write 1 $T epmax=10;0 observe 1 a $T $S;3 measure $T=21 $S=51;30 run", "10 a $T=21 $S=51"},
		{"epmax looks at its path", "0 write 1 $T epmax=10;0 observe 1 a $T $S;3 measure $S=51;30 run", ""},
		{"a path that is not there", "0 observe 1 a $T /3303/7/5700;1 set /3303/7/5700=1;2 set /3303/7/5700=2;30 run",
			"1 a $T=20 /3303/7/5700=1;2 a $T=20 /3303/7/5700=2"},
		{"nothing is there", "0 observe 1 a /5000 /5001;1 set /5001/0/0=1;30 run", "1 a /5001/0/0=1"},
		{"deleted", "0 observe 1 a $T $S;1 remove /3303/0;30 run", "1 a $S=50"},
		{"deleted and created", "0 observe 1 a $T $S;1 remove /3303/0;2 set $T=20;30 run", "1 a $S=50;2 a $T=20 $S=50"},
		{"deleted and created inside pmin", "0 write 1 $S pmin=10;0 observe 1 a $T $S;0 observe 1 b /3304/0;1 set $S=-;1 set $S=50;30 run", "1 b nothing;1 b $S=50"},
		{"all deleted", "0 observe 1 a $T $S;1 remove /3303;2 remove /3304;30 run", "1 a $S=50;2 a nothing"},
		{"deleted with its pmin", "0 write 1 $T pmin=100;0 observe 1 a $T $S;5 remove /3303/0;30 run", "5 a $S=50"},
		{"deleted inside pmin of the Object", "0 write 1 /3303 pmin=10;0 observe 1 a $T $S;5 remove /3303/0;30 run", "10 a $S=50"},
		{"deleted with its threshold", "0 write 1 $T gt=25;0 observe 1 a $T $S;5 remove /3303/0;6 set $T=21;30 run", "5 a $S=50;6 a $T=21 $S=50"},
		{"instance under an Object", "0 observe 1 a /3303 $S;1 set /3303/5/5700=1;2 remove /3303/1;30 run",
			"1 a $T=20 $U=20 /3303/5/5700=1 $S=50;2 a $T=20 /3303/5/5700=1 $S=50"},
		{"path and one below it", "0 write 1 /3303/0 pmin=10;0 write 1 $T pmin=2;0 observe 1 a /3303/0 $T;1 set $T=21;4 set /3303/0/5701=Cel;30 run",
			"2 a $T=21;12 a $T=21 /3303/0/5701=Cel"},
		{"a path twice", "0 observe 1 a $T $T;1 set $T=21;30 run", "1 a $T=21"},
		{"the root", "0 account 1 pmin=5;0 observe 1 a / $T;1 remove /3;2 remove /3342;3 remove /3304;30 run", "5 a $T=20 $U=20"},
		{"attributes of the request", "0 write 1 $T pmin=50;0 observe 1 a pmin=5 pmax=20 $T $S;1 set $T=21;26 run", "5 a $T=21 $S=50;25 a $T=21 $S=50"},
	})
}
