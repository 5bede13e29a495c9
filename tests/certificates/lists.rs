//! Of several lists in one file, which one counts about whom.

use super::Site;
use crate::support::authority::{Authority, Certified};
use crate::support::gateway::Gateway;

const DAY: u64 = 86_400;

/// A gateway that has these lists, in this order.
fn having(site: &Site, lists: &[String]) -> Gateway {
    let file = site.machines.file().with_extension("crl");
    std::fs::write(&file, lists.concat()).unwrap();
    site.asking("required", &format!("crl_file = \"{}\"", file.display())).start()
}

/// What comes of a request with each of these; `None` where the handshake fails.
fn statuses<const N: usize>(site: &Site, gateway: &Gateway, these: [&Certified; N]) -> [Option<u16>; N] {
    these.map(|own| site.status(gateway, Some(own), "/pumps"))
}

#[test]
fn of_two_lists_of_an_authority_the_newer_one_counts_in_whatever_order() {
    let site = Site::new();
    let (kept, revoked) = (site.machines.holder("pump:1"), site.machines.holder("pump:2"));
    let old = |seconds| site.machines.list(9, seconds, &[]);
    let new = |seconds| site.machines.list(10, seconds, &[&revoked]);
    for lists in [[old(DAY), new(DAY)], [new(DAY), old(DAY)], [old(0), new(DAY)], [new(DAY), old(0)]] {
        let gateway = having(&site, &lists);
        assert_eq!(statuses(&site, &gateway, [&kept, &revoked]), [Some(200), None]);
    }
    // What was taken back is no matter of the older one, and that one says nothing when the newer is over.
    let gateway = having(&site, &[new(DAY), site.machines.list(11, DAY, &[])]);
    assert_eq!(statuses(&site, &gateway, [&kept, &revoked]), [Some(200); 2]);
    let gateway = having(&site, &[old(DAY), new(0)]);
    assert_eq!(statuses(&site, &gateway, [&kept, &revoked]), [None; 2]);
}

#[test]
fn a_connection_outlives_no_revocation_on_a_list_that_is_added_behind_an_older_one() {
    let site = Site::new();
    let pump = site.machines.holder("pump:1");
    let old = site.machines.list(1, DAY, &[]);
    let gateway = having(&site, std::slice::from_ref(&old));
    let mut client = site.connect(&gateway, Some(&pump)).unwrap();
    assert_eq!(client.get("/pumps").unwrap().status, 200);
    let both = [old, site.machines.list(2, DAY, &[&pump])].concat();
    std::fs::write(site.machines.file().with_extension("crl"), both).unwrap();
    assert!(gateway.reload_again());
    assert_eq!(client.get("/pumps").unwrap().status, 403);
}

/// As while a key is replaced: the name stays.
#[test]
fn of_two_authorities_of_one_name_each_has_its_own_list() {
    let (site, successor) = (Site::new(), Authority::new());
    let both = [&site.machines, &successor].map(|of| std::fs::read_to_string(of.file()).unwrap());
    std::fs::write(site.machines.file(), both.concat()).unwrap();
    let (first, second) = (site.machines.holder("pump:1"), successor.holder("pump:2"));
    let revoked = successor.holder("pump:3");
    // A number says nothing of what another key has signed.
    let lists = [site.machines.list(9, DAY, &[&second]), successor.list(1, DAY, &[&revoked, &first])];
    for lists in [lists.clone(), [lists[1].clone(), lists[0].clone()]] {
        let gateway = having(&site, &lists);
        assert_eq!(statuses(&site, &gateway, [&first, &second, &revoked]), [Some(200), Some(200), None]);
    }
    // There must be one of whoever signed it.
    let gateway = having(&site, &lists[..1]);
    assert_eq!(statuses(&site, &gateway, [&first, &second]), [Some(200), Some(403)]);
}

#[test]
fn a_list_that_is_over_keeps_out_only_whom_it_is_about() {
    let site = Site::new();
    let (plant, retired) = (site.machines.below("plant"), site.machines.below("retired"));
    let root = site.machines.list(1, DAY, &[]);
    let gateway = having(&site, &[retired.list(1, 0, &[]), root.clone(), plant.list(1, DAY, &[])]);
    let these = [&site.machines.holder("pump:1"), &plant.holder("pump:2"), &retired.holder("pump:3")];
    assert_eq!(statuses(&site, &gateway, these), [Some(200), Some(200), None]);
    let gateway = having(&site, &[root, plant.list(1, 4, &[])]);
    let mut client = site.connect(&gateway, Some(these[1])).unwrap();
    assert_eq!(client.get("/pumps").unwrap().status, 200);
    crate::support::eventually("it is over", || client.get("/pumps").unwrap().status == 403);
    assert_eq!(statuses(&site, &gateway, [these[0]]), [Some(200)]);
}
